"""Reads our stream format as a client does, to check the output of an adapter."""

import json
import re
from typing import cast

_LINE_END = re.compile(r"\r\n|\n|\r")


def events_of(raw: bytes) -> list[dict[str, object]]:
    """Returns the JSON objects of the whole events in `raw`, in order; skips other events and comments."""
    events: list[dict[str, object]] = []
    data: list[str] = []
    for line in _LINE_END.split(raw.decode("utf-8-sig", "replace")):
        if line.startswith("data:"):
            data.append(line.removeprefix("data:").removeprefix(" "))
        elif not line:
            events += _object_in("\n".join(data))
            data = []
    return events


def tokens_of(raw: bytes) -> list[str]:
    """Returns the tokens in `raw`."""
    return [token for event in events_of(raw) if isinstance(token := event.get("token"), str)]


def _object_in(data: str) -> list[dict[str, object]]:
    try:
        parsed: object = json.loads(data)
    except ValueError:
        return []
    return [cast("dict[str, object]", parsed)] if isinstance(parsed, dict) else []
