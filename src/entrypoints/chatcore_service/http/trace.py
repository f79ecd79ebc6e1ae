"""Trace ids: one for each request, taken from the caller when it is well-formed, else made."""

import re
from uuid import uuid4

from starlette.types import Scope

HEADER = b"x-trace-id"

_ALSO = b"x-request-id"
_WELL_FORMED = re.compile(rb"[A-Za-z0-9._-]{1,128}")
_KEY = "chatcore.trace_id"


def begin_trace(scope: Scope) -> str:
    """Gives a request its trace id."""
    headers: dict[bytes, bytes] = dict(reversed(scope["headers"]))
    candidates = (headers.get(HEADER, b""), headers.get(_ALSO, b""))
    trace_id = next((c.decode() for c in candidates if _WELL_FORMED.fullmatch(c)), None) or uuid4().hex
    scope[_KEY] = trace_id
    return trace_id


def trace_id_of(scope: Scope) -> str:
    """The trace id that :func:`begin_trace` gave."""
    trace_id: str = scope[_KEY]
    return trace_id
