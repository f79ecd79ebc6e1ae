"""Parses JSON objects."""

from typing import cast

import orjson


def parse_object(text: bytes) -> dict[str, object] | None:
    """Returns the members of a JSON object, or None if the text is anything else."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    # The keys of a JSON object are always text.
    return cast("dict[str, object]", value) if isinstance(value, dict) else None
