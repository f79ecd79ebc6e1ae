"""The frames of a stream."""

from __future__ import annotations

import json


def frames(body: str) -> list[dict[str, object]]:
    """Decodes the data of each event of a stream."""
    return [json.loads(line.removeprefix("data: ")) for line in body.splitlines() if line.startswith("data: ")]
