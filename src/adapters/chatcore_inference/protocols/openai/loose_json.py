"""Takes JSON values of the expected type, because servers send null and other types where the protocol has none."""

from typing import cast


def object_or_empty(value: object) -> dict[str, object]:
    """Returns the value if it is a JSON object, or an empty one."""
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


def list_or_empty(value: object) -> list[object]:
    """Returns the value if it is a list, or an empty one."""
    return cast("list[object]", value) if isinstance(value, list) else []


def text_or_empty(value: object) -> str:
    """Returns the value if it is text, or empty text."""
    return value if isinstance(value, str) else ""
