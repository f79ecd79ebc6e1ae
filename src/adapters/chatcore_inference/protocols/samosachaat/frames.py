"""What a frame says: the data of its event, and in it the token and the end of the reply."""

import json
import re
from typing import NoReturn

import orjson

from chatcore.ports import Frame

_LINE_END = re.compile(rb"\r\n|\n|\r")
_EVENT = rb"data: (\{[^\r\n]*\})\n\n"

#: Matches bytes that are exactly one event of one line of data that looks like an object, which is group 1. Nearly
#: every read is: one match tells it at a third of the price of splitting and reading it.
lone_event = re.compile(_EVENT).fullmatch
#: Matches bytes that are several such events, which is what a relay that is behind reads.
lone_events = re.compile(rb"(?:%b)+" % _EVENT).fullmatch
#: Goes through them.
each_lone_event = re.compile(_EVENT).finditer


def data_of(raw: bytes) -> bytes | None:
    """The event's data, its lines joined by LF and maybe empty; None where no line is data, which is no event at all.

    Comments, `retry:`, `id:`, `event:` and unknown fields are read over: the inference service tells everything by
    data.
    """
    lines = _data_lines(raw)
    return b"\n".join(lines) if lines else None


def read_frame(raw: bytes, data: bytes) -> Frame:
    """The frame `raw`, whose event carries `data`.

    A frame that is no JSON object, or one with other keys, is a frame all the same: it is forwarded, and says nothing
    to us. Only a string is a token and only `true` closes the reply.
    """
    try:
        event: _Json = orjson.loads(data)
    except orjson.JSONDecodeError:
        event = _parsed_leniently(data)
    if not isinstance(event, dict):
        return Frame(raw)
    token = event.get("token")
    frame = Frame(raw, token if isinstance(token, str) else None)
    if event.get("done") is True:
        frame.is_closing = True
    return frame


def _data_lines(raw: bytes) -> list[bytes]:
    lines = (line.partition(b":") for line in _LINE_END.split(raw))
    return [value.removeprefix(b" ") for name, _, value in lines if name == b"data"]


# What JSON gives is anything; a dict of it has strings for keys.
_Json = dict[str, object] | list[object] | str | float | bool | None


def _parsed_leniently(data: bytes) -> _Json:
    # orjson refuses two things that every browser reads: halves of a surrogate pair, which a model may put into two
    # tokens, and bytes that are not UTF-8, which become U+FFFD. What is stored must be what readers were shown.
    try:
        event: _Json = json.loads(data.decode(errors="replace"), parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    return event


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)  # NaN and the infinities are Python's, not JSON's.
