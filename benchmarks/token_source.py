"""Runs the token source, tools/token_source.c, which serves inference and auth for the streams."""

from contextlib import AbstractContextManager

import orjson
from benchmarks.programs import Running, get, serving
from benchmarks.tools import tool

#: Time between two tokens of a reply.
PERIOD_SECONDS = 0.05


def running_source(tokens: int) -> AbstractContextManager[Running]:
    """Runs a token source whose replies have `tokens` tokens."""
    return serving([str(tool("token_source")), "{port}", str(tokens)])


def share_later_than(source: Running, milliseconds: int) -> float:
    """Returns the share of tokens since the last call that were made at least this many milliseconds late."""
    late: list[tuple[int, int]] = orjson.loads(get(source.port, "/lateness")[1])
    tokens = sum(count for _, count in late)
    return sum(count for ms, count in late if ms >= milliseconds) / tokens if tokens else 0.0
