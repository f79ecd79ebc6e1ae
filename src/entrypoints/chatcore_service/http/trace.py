"""Gives each request a trace id: the caller's own id if it is well-formed, or else a new id."""

import re
from collections.abc import Sequence
from os import urandom

from starlette.types import Scope

HEADER = b"x-trace-id"
#: Pattern of a well-formed trace id.
ID_PATTERN = "[A-Za-z0-9._-]{1,128}"

#: Headers that may carry a trace id, in order of precedence.
NAMES = (HEADER, b"x-request-id")
_WELL_FORMED = re.compile(ID_PATTERN.encode())
_KEY = "chatcore.trace_id"


def begin_trace(scope: Scope) -> str:
    """Chooses the trace id of a request and stores it in the scope."""
    trace_id = scope[_KEY] = choose_trace_id(scope["headers"])
    return trace_id


def trace_id_of(scope: Scope) -> str:
    """Returns the trace id that :func:`begin_trace` stored."""
    trace_id: str = scope[_KEY]
    return trace_id


def choose_trace_id(headers: Sequence[tuple[bytes, bytes]]) -> str:
    """Returns the first well-formed trace id of the headers, or a new trace id."""
    first: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in NAMES:
            first.setdefault(name, value)
    candidates = (first[name].strip(b" \t") for name in NAMES if name in first) if first else ()
    return next((c.decode() for c in candidates if _WELL_FORMED.fullmatch(c)), None) or urandom(16).hex()
