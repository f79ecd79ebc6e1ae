"""The answer to what never becomes a request: it is no HTTP, too large, or too late.

The application has no part in it. What its envelope puts around a response is put around it here.
"""

from contextvars import Context

import structlog
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from chatcore_service.http import problems, trace
from chatcore_service.http.refusals import RefusedError
from chatcore_service.http.request_middleware import SECURITY_HEADERS
from chatcore_service.metrics import UNKNOWN, Metrics

_log: structlog.stdlib.BoundLogger = structlog.get_logger("chatcore_service")


def refusal(error: RefusedError, trace_id: str) -> bytes:
    """The whole response."""
    body = problems.problem_body(error)
    headers = (
        (b"content-type", problems.MEDIA_TYPE.encode()),
        (b"content-length", b"%d" % len(body)),
        *SECURITY_HEADERS,
        (trace.HEADER, trace_id.encode()),
        (b"connection", b"close"),
    )
    return b"%b%b\r\n%b" % (STATUS_LINE[error.status], b"".join(b"%b: %b\r\n" % header for header in headers), body)


def record(error: RefusedError, trace_id: str, metrics: Metrics | None) -> None:
    """A line in the log, and a count.

    It is the last of its connection, so nobody gets more lines out of it than out of requests. Nothing of what was sent
    is in it but a well-formed trace id: it need not be a path, or a method.
    """
    if metrics is not None:
        metrics.count_refusal(error.status)
    # Of its own: a connection lives in the context of whatever ran when it was accepted.
    Context().run(_log.info, "request", method=UNKNOWN, status=error.status, code=error.code, trace_id=trace_id)
