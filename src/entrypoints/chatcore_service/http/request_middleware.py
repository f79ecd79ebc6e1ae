"""Adds a trace id and security headers to every response, and logs and counts the request.

:mod:`chatcore_service.server.refusal` does the same for input that the server refuses before it is a request.
"""

from collections.abc import Awaitable
from time import perf_counter

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars, clear_contextvars

from chatcore_service.http import paths, trace
from chatcore_service.http.resource import Resource
from chatcore_service.metrics import UNKNOWN, Metrics

#: Headers that are added to every response without them.
SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-site"),
)

# The files of the page are no documents, and nobody's secret. A visit loads dozens of them, and the other headers and
# the trace id would be a tenth of all its bytes.
_FILE_HEADERS = SECURITY_HEADERS[:2]
_FILE_ROUTES = frozenset({paths.CONSOLE_LOADING, paths.CONSOLE_FILE})

#: Routes that machines poll, and the files of a page, of which each visit requests dozens. Their successful requests
#: are logged at debug level.
_QUIET_ROUTES = frozenset({paths.HEALTH, paths.READY, paths.METRICS}) | _FILE_ROUTES
_QUIET_STATUSES = frozenset({200, 304})
_MAX_PATH_CHARS = 300

_log: structlog.stdlib.BoundLogger = structlog.get_logger("chatcore_service")


class RequestMiddleware:
    """Wraps an ASGI application, completes its responses, and logs and counts requests."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics
        # The logger is bound once, because the module's logger looks up its configuration for every line.
        self._log = _log.bind()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, completes its response, and records both."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # White space around a header's value is not part of the value (RFC 9110, section 5.5), but not every server
        # strips it.
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
    """Follows one request and its response."""

    __slots__ = ("_scope", "_send", "_started", "_trace_id", "response_seconds", "status")

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope = scope
        self._send = send
        self._started = perf_counter()
        self._trace_id = trace.begin_trace(scope)
        #: The status of the response; 0 if the caller disconnected before the response began.
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
        # The router sets the key for a known route. An `isinstance` check would be slow, because the class is abstract.
        resource: Resource | None = self._scope.get("endpoint")
        return UNKNOWN if resource is None else resource.path

    def send(self, message: Message) -> Awaitable[None]:
        """Passes a message on. The method is not a coroutine, because the frames of some streams pass through it."""
        if message["type"] == "http.response.start":
            self._complete(message)
        return self._send(message)

    def _complete(self, message: Message) -> None:
        self.status = message["status"]
        self.response_seconds = perf_counter() - self._started
        headers = message.get("headers", ())
        present = {name for name, _ in headers}
        is_file = self.route in _FILE_ROUTES and self.status in _QUIET_STATUSES
        wanted = _FILE_HEADERS if is_file else (*SECURITY_HEADERS, (trace.HEADER, self._trace_id.encode()))
        added = [header for header in wanted if header[0] not in present]
        message["headers"] = [*headers, *added]

    def log(self, log: structlog.stdlib.BoundLogger, route: str) -> None:
        quiet = route in _QUIET_ROUTES and self.status in _QUIET_STATUSES
        write = log.debug if quiet else log.warning if self.status >= 500 else log.info  # noqa: PLR2004 - a status code
        write(
            "request",
            method=self.method,
            path=self._scope["path"][:_MAX_PATH_CHARS],
            status_code=self.status,
            response_ms=round(self.response_seconds * 1000, 1),
            duration_ms=round((perf_counter() - self._started) * 1000, 1),
        )
