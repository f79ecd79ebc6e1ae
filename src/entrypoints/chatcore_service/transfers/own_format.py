"""Defines our own format: JSON lines, first a header and then a line for each conversation."""

from datetime import datetime
from typing import Any, Final

import orjson

#: The value of the header's field `format`.
FORMAT: Final = "chatcore"
#: The version of the format. A later version of the service reads all earlier ones.
VERSION: Final = 1


def header_line(now: datetime) -> bytes:
    """Returns the first line of an export."""
    header: dict[str, Any] = {"format": FORMAT, "version": VERSION, "exported_at": now}
    return orjson.dumps(header) + b"\n"
