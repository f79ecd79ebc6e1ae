"""What every response has around it: a trace id, security headers, a line in the log, and its count.

What the server refuses before there is a request has the same, by :mod:`chatcore_service.server.refusal`.
"""

from collections.abc import Awaitable
from time import perf_counter

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars, clear_contextvars

from chatcore_service.http import paths, trace
from chatcore_service.http.resource import Resource
from chatcore_service.metrics import UNKNOWN, Metrics

#: Sent with every response, unless it has its own.
SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-site"),
)

#: Asked for again and again by machines; a log of it is noise.
_QUIET_ROUTES = frozenset({paths.HEALTH, paths.READY, paths.METRICS})
_MAX_PATH_CHARS = 300

_log: structlog.stdlib.BoundLogger = structlog.get_logger("chatcore_service")


class RequestMiddleware:
    """A pure ASGI middleware."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics
        # Bound once: the logger above looks for its configuration anew at every line.
        self._log = _log.bind()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, and puts its response into an envelope."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # White space around a value is none of it, says RFC 9110 in section 5.5; not every server takes it away.
        scope["headers"] = [(name, value.strip(b" \t")) for name, value in scope["headers"]]
        exchange = _Exchange(scope, send)
        try:
            await self._app(scope, receive, exchange.send)
        finally:
            self._record(exchange)

    def _record(self, exchange: "_Exchange") -> None:
        route = exchange.route
        self._metrics.count_answer(exchange.method, route, exchange.status, exchange.response_seconds)
        exchange.log(self._log, route)


class _Exchange:
    """One request and its response."""

    __slots__ = ("_scope", "_send", "_started", "_trace_id", "response_seconds", "status")

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope = scope
        self._send = send
        self._started = perf_counter()
        self._trace_id = trace.begin_trace(scope)
        #: 0 where the caller went away before there was a response.
        self.status = 0
        self.response_seconds = 0.0
        clear_contextvars()
        bind_contextvars(trace_id=self._trace_id)

    @property
    def method(self) -> str:
        method: str = self._scope["method"]
        return method

    @property
    def route(self) -> str:
        # The router puts it there, where there is one; an abstract class takes its time with `isinstance`.
        resource: Resource | None = self._scope.get("endpoint")
        return UNKNOWN if resource is None else resource.path

    def send(self, message: Message) -> Awaitable[None]:
        """Not a coroutine itself: every frame of every stream passes through."""
        if message["type"] == "http.response.start":
            self._seal(message)
        return self._send(message)

    def _seal(self, message: Message) -> None:
        self.status = message["status"]
        self.response_seconds = perf_counter() - self._started
        headers = message.get("headers", ())
        present = {name for name, _ in headers}
        added = [header for header in SECURITY_HEADERS if header[0] not in present]
        message["headers"] = [*headers, *added, (trace.HEADER, self._trace_id.encode())]

    def log(self, log: structlog.stdlib.BoundLogger, route: str) -> None:
        quiet = route in _QUIET_ROUTES and self.status == 200  # noqa: PLR2004 - as it is known everywhere
        write = log.debug if quiet else log.warning if self.status >= 500 else log.info  # noqa: PLR2004 - see above
        write(
            "request",
            method=self.method,
            path=self._scope["path"][:_MAX_PATH_CHARS],
            status=self.status,
            response_ms=round(self.response_seconds * 1000, 1),
            duration_ms=round((perf_counter() - self._started) * 1000, 1),
        )
