"""Reads our stream format as a client does, to check the output of an adapter."""

import json
import re
from typing import cast

_LINE_END = re.compile(r"\r\n|\n|\r")
# The groups are atomic, because otherwise the two halves of one CRLF would match as two line ends.
_BLANK_LINE_AT_END = re.compile(rb"(?:\A|(?>\r\n|\n|\r))(?>\r\n|\n|\r)\Z")


def events_of(raw: bytes) -> list[dict[str, object]]:
    """Returns the JSON objects of the whole events in `raw`, in order; skips other events and comments."""
    events: list[dict[str, object]] = []
    data: list[str] = []
    # The text after the last line end is an unfinished line.
    for line in _LINE_END.split(raw.decode("utf-8-sig", "replace"))[:-1]:
        if line.startswith("data:"):
            data.append(line.removeprefix("data:").removeprefix(" "))
        elif not line:
            events += _object_in("\n".join(data))
            data = []
    return events


def is_whole(raw: bytes) -> bool:
    """Returns whether `raw` ends with a blank line, which ends an event."""
    return _BLANK_LINE_AT_END.search(raw) is not None


def tokens_of(raw: bytes) -> list[str]:
    """Returns the tokens in `raw`."""
    return [token for event in events_of(raw) if isinstance(token := event.get("token"), str)]


def reasoning_of(raw: bytes) -> list[str]:
    """Returns the reasoning in the events of `raw` that have no text."""
    found = [event.get("reasoning") for event in events_of(raw) if not event.get("token")]
    return [reasoning for reasoning in found if isinstance(reasoning, str)]


def _object_in(data: str) -> list[dict[str, object]]:
    try:
        parsed: object = json.loads(data)
    except ValueError:
        return []
    return [cast("dict[str, object]", parsed)] if isinstance(parsed, dict) else []
