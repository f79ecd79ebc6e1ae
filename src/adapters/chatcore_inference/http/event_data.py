"""Finds the data of a server-sent event."""

import re

_LINE_END = re.compile(rb"\r\n|\n|\r")
_EVENT = rb"data: (\{[^\r\n]*\})\n\n"

#: The function that matches bytes that are exactly one event with a single data line that looks like a JSON object;
#: group 1 is the data. Nearly every read is such an event, and one match costs a third of splitting the event and
#: collecting its lines.
lone_event = re.compile(_EVENT).fullmatch
#: The function that matches bytes that are several such events, which a relay reads when it falls behind.
lone_events = re.compile(rb"(?:%b)+" % _EVENT).fullmatch
#: The function that iterates over the events in such bytes.
each_lone_event = re.compile(_EVENT).finditer


def data_of(raw: bytes) -> bytes | None:
    """Returns the event's data, with its lines joined by LF, or None if the event has no data line.

    The function skips comments, unknown fields, and the fields `retry`, `id` and `event`, as inference services use
    data only.
    """
    lines = _data_lines(raw)
    return b"\n".join(lines) if lines else None


def _data_lines(raw: bytes) -> list[bytes]:
    lines = (line.partition(b":") for line in _LINE_END.split(raw))
    return [value.removeprefix(b" ") for name, _, value in lines if name == b"data"]
