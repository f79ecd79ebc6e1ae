"""Trace ids: one for each request, taken from the caller when it is well-formed, else made."""

import re
from collections.abc import Sequence
from os import urandom

from starlette.types import Scope

HEADER = b"x-trace-id"
#: What one from a caller looks like.
ID_PATTERN = "[A-Za-z0-9._-]{1,128}"

#: In the order in which they count.
_NAMES = (HEADER, b"x-request-id")
_WELL_FORMED = re.compile(ID_PATTERN.encode())
_KEY = "chatcore.trace_id"


def begin_trace(scope: Scope) -> str:
    """Gives a request its trace id."""
    trace_id = scope[_KEY] = choose_trace_id(scope["headers"])
    return trace_id


def trace_id_of(scope: Scope) -> str:
    """The trace id that :func:`begin_trace` gave."""
    trace_id: str = scope[_KEY]
    return trace_id


def choose_trace_id(headers: Sequence[tuple[bytes, bytes]]) -> str:
    """The caller's own if these headers have one that is well-formed, else a new one."""
    first: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in _NAMES:
            first.setdefault(name, value)
    candidates = (first[name].strip(b" \t") for name in _NAMES if name in first) if first else ()
    return next((c.decode() for c in candidates if _WELL_FORMED.fullmatch(c)), None) or urandom(16).hex()
