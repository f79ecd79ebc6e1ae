"""Refuses input that never becomes a request, because the input is not HTTP, too large or too late.

The application is not involved, so this module adds the headers, the log line and the count of the middleware.
"""

from collections.abc import Iterable
from contextvars import Context

import structlog
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from chatcore_service.http import media_types, problems, trace
from chatcore_service.http.refusals import RefusedError
from chatcore_service.http.request_middleware import SECURITY_HEADERS
from chatcore_service.metrics import UNKNOWN, Metrics

_log: structlog.stdlib.BoundLogger = structlog.get_logger("chatcore_service")


def refusal(error: RefusedError, trace_id: str, cors: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Returns the complete response for a refusal, with its headers and those for scripts of other origins."""
    body = problems.problem_body(error)
    headers = (
        (b"content-type", media_types.PROBLEM.encode()),
        (b"content-length", b"%d" % len(body)),
        *((name.lower().encode(), value.encode()) for name, value in error.headers.items()),
        *SECURITY_HEADERS,
        *cors,
        (trace.HEADER, trace_id.encode()),
        (b"connection", b"close"),
    )
    return b"%b%b\r\n%b" % (STATUS_LINE[error.status], b"".join(b"%b: %b\r\n" % header for header in headers), body)


def record(error: RefusedError, trace_id: str, metrics: Metrics | None) -> None:
    """Logs and counts a refusal.

    A refusal ends its connection, so a caller cannot produce more lines by refusals than by requests. Of the input, the
    line contains only a well-formed trace id, because the input need not have a method or a path.
    """
    if metrics is not None:
        metrics.count_refusal(error.status)
    # The context is empty, because a connection has the context of the code that ran when the connection was accepted.
    Context().run(_log.info, "request", method=UNKNOWN, status_code=error.status, code=error.code, trace_id=trace_id)
