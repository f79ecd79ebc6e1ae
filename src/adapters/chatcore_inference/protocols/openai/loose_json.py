"""Takes JSON values of the expected type, because servers send null and other types where the protocol has none."""

import json
from typing import cast


def object_or_empty(value: object) -> dict[str, object]:
    """Returns the value if it is a JSON object, or an empty one."""
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


def list_or_empty(value: object) -> list[object]:
    """Returns the value if it is a list, or an empty one."""
    return cast("list[object]", value) if isinstance(value, list) else []


def compact_json(value: object) -> str | None:
    """Returns the value as JSON in ASCII, or None for one that is nested too deeply or has a number that JSON lacks."""
    try:
        return json.dumps(value, separators=(",", ":"), allow_nan=False)
    except (ValueError, RecursionError):
        return None


def text_or_empty(value: object) -> str:
    """Returns the value if it is text, or empty text."""
    return value if isinstance(value, str) else ""
