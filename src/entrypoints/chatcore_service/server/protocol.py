"""Extends uvicorn's HTTP protocol by limits on a request's headers and on an unread body.

uvicorn alone accepts headers of any size and waits for the headers without end. uvicorn also closes a connection while
the caller still sends, which loses the response, or reads on without end.
"""

import asyncio
import sys
from typing import Any, cast

from httptools import HttpParserUpgrade
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from chatcore_service.http.refusals import HeadersTooLargeError, HeaderTimeoutError, MalformedHttpError, RefusedError
from chatcore_service.http.trace import choose_trace_id
from chatcore_service.lifespan import METRICS
from chatcore_service.server.chunked_writer import ChunkedWriter
from chatcore_service.server.delivery_watch import DeliveryWatch
from chatcore_service.server.refusal import record, refusal
from chatcore_service.server.unread_body import LingeringTransport, Patience, UnreadBody
from chatcore_service.settings import RequestSettings, Settings, StreamSettings
from chatcore_service.streaming.direct_writer import ABORT, DIRECT_WRITER

#: Most requests that may wait on one connection behind the request in progress.
MAX_PIPELINED = 16

# The parser also accepts other versions, whose requests end at another place.
_VERSIONS = frozenset({"1.0", "1.1"})


class BoundedProtocol(HttpToolsProtocol):
    """Handles one connection within the limits."""

    # The class has slots, because uvicorn's attributes are just few enough for Python to share their names between all
    # instances. With these further attributes among them, a connection would take 1.2 kB more.
    __slots__ = (
        "_connection",
        "_current",
        "_delivery_watch",
        "_has_begun",
        "_header_bytes",
        "_header_timer",
        "_is_in_headers",
        "_raw_bytes",
        "_refusal",
        "_unread_body",
        "_upgrade_ends_at",
        "_writer",
    )

    #: Limit for a request's target and its headers together.
    max_header_bytes = RequestSettings().max_header_bytes
    #: Time until all headers of a request have arrived, counted from the connection or from their first byte.
    header_timeout_seconds = RequestSettings().header_timeout_seconds
    #: Time without a byte of the response taken after which the caller is disconnected.
    flush_seconds = StreamSettings().write_timeout_seconds
    #: Limits for the rest of a request that has a response already.
    patience = Patience()

    # `connection_made` sets these attributes.
    _connection: LingeringTransport
    _delivery_watch: DeliveryWatch
    _unread_body: UnreadBody
    _writer: ChunkedWriter

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - as uvicorn calls it
        super().__init__(*args, **kwargs)
        self._raw_bytes = 0
        # The end of a request for a protocol upgrade, as an index into the bytes received last.
        self._upgrade_ends_at: int | None = None
        self._header_bytes = 0
        self._refusal: RefusedError | None = None
        self._is_in_headers = True
        self._has_begun = False
        self._header_timer: asyncio.TimerHandle | None = None
        # `_current` is the request in progress. uvicorn's own `cycle` is the newest request, which may wait in the
        # pipeline.
        self._current: RequestResponseCycle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Sets up the connection and starts to wait for a request."""
        real = cast("asyncio.Transport", transport)  # uvicorn also narrows the type
        self._unread_body = UnreadBody(self.patience, self.loop, real.close)
        self._writer = ChunkedWriter(real)
        self._connection = LingeringTransport(real, self.loop, self._unread_body, self._writer)
        self._delivery_watch = DeliveryWatch(self._connection, self._writer, seconds=self.flush_seconds, loop=self.loop)
        super().connection_made(self._connection)
        self._expect_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancels all timers and notifies the request in progress."""
        self._stop_timer()
        self._unread_body.forget()
        self._delivery_watch.stop()
        self._notify_current_request()
        super().connection_lost(exc)
        self._writer.depart()
        # After an error, uvicorn does not cancel the keep-alive timer, which would find a closed transport later.
        self._unset_keepalive_if_required()

    def _notify_current_request(self) -> None:
        # uvicorn notifies only the newest request, so the request in progress would continue without a caller.
        current = self._current
        if current is not None and current is not self.cycle and not current.response_complete:
            current.disconnected = True
            current.message_event.set()

    def eof_received(self) -> None:
        """Closes the writer at the end of the caller's data, after which the transport closes by itself."""
        self._writer.is_closed = True
        super().eof_received()

    def pause_writing(self) -> None:
        """Pauses the writer, because the caller does not keep up."""
        self._writer.is_paused = True
        super().pause_writing()

    def resume_writing(self) -> None:
        """Resumes the writer, because the caller keeps up again."""
        self._writer.is_paused = False
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        """Parses data, within the limits for incomplete headers and for unread bodies."""
        if self._unread_body.is_expected:
            self._unread_body.drop(len(data))
        if self.transport.is_closing():
            return
        # Bytes outside a body are counted, because the parser buffers a header or a trailer until its end.
        self._raw_bytes += len(data)
        super().data_received(data)
        if self._raw_bytes > self.max_header_bytes and not self.transport.is_closing():
            self._refuse(HeadersTooLargeError(self.max_header_bytes))
        if self._upgrade_ends_at is not None:
            rest, self._upgrade_ends_at = data[self._upgrade_ends_at :], None
            if rest:
                self.data_received(rest)

    def _unsupported_upgrade_warning(self) -> None:
        # The request is handled like any other, and further HTTP requests may follow. uvicorn would drop the bytes
        # after the request.
        self._upgrade_ends_at = cast("HttpParserUpgrade", sys.exception()).args[0]

    def on_message_begin(self) -> None:
        """Prepares the scope of a new request."""
        super().on_message_begin()
        self._has_begun = True
        self._unset_keepalive_if_required()
        # uvicorn's type of a scope lacks the keys that a server adds.
        scope = cast("dict[str, object]", self.scope)
        scope[ABORT] = self.transport.abort
        scope[DIRECT_WRITER] = self._writer
        if self._header_timer is None:
            self._expect_headers()

    def on_url(self, url: bytes) -> None:
        """Counts and passes on a part of the request's target."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Counts and passes on a header; refuses a transfer coding other than chunked, and drops a trailer."""
        self._count(len(name) + len(value) + len(b": \r\n"))
        if not self._is_in_headers:
            # A proxy checks and replaces headers only. A trailer that became a header would bypass the proxy.
            return
        if name.lower() == b"transfer-encoding" and value.strip(b" \t").lower() != b"chunked":
            # The application would have to decode another coding; a program that ignores the coding reads a different
            # body.
            raise MalformedHttpError
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Checks the request line and starts the request."""
        if len(self.pipeline) >= MAX_PIPELINED:
            # The refusal is never sent, because responses follow the order of the requests.
            raise MalformedHttpError
        # An open connection has a parser.
        if self.parser.get_http_version() not in _VERSIONS:  # pyright: ignore[reportOptionalMemberAccess]
            raise MalformedHttpError
        self._stop_timer()
        self._is_in_headers = False
        # `on_header` has counted the headers one by one, and they may reach the limit without any byte of the body.
        self._raw_bytes = 0
        self._connection.is_mid_body = True
        super().on_headers_complete()
        # uvicorn stops reading while requests wait, and would not notice that the caller disconnects. Here,
        # MAX_PIPELINED requests may wait.
        self.flow.resume_reading()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._current = cycle
        super()._start_asgi_task(cycle, app)

    def on_body(self, body: bytes) -> None:
        """Passes on a part of the body, which has limits of its own."""
        self._raw_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Ends the request and prepares for another one on the same connection."""
        super().on_message_complete()
        # An open connection has a parser.
        if not self.parser.should_keep_alive():  # pyright: ignore[reportOptionalMemberAccess]
            # After `Connection: close` in the trailers, too, the parser ignores all further bytes.
            self._end_after_response()
        self._raw_bytes = self._header_bytes = 0
        self._is_in_headers = True
        self._has_begun = False
        self._connection.is_mid_body = False
        if self._unread_body.is_expected:
            self._unread_body.forget()
            # uvicorn cancelled the keep-alive timer when the rest of the body arrived.
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def _end_after_response(self) -> None:
        self.cycle.keep_alive = False
        if self.cycle.response_complete:
            self._connection.close_now()

    def on_response_complete(self) -> None:
        """Ends the response, and drops the rest of the request."""
        super().on_response_complete()
        self._delivery_watch.start()
        if not self._is_in_headers and self.cycle.response_complete:
            self._unread_body.expect()

    def _count(self, header_bytes: int) -> None:
        self._header_bytes += header_bytes
        if self._header_bytes > self.max_header_bytes:
            self._refusal = HeadersTooLargeError(self.max_header_bytes)
            # The parser turns this exception into the error for which uvicorn calls `send_400_response`.
            raise self._refusal

    def send_400_response(self, msg: str) -> None:
        """Responds with a problem document to a request that the parser rejects."""
        del msg
        self._refuse(self._refusal or MalformedHttpError())

    def _expect_headers(self) -> None:
        self._header_timer = self.loop.call_later(self.header_timeout_seconds, self._time_out)

    def _time_out(self) -> None:
        if not self.transport.is_closing():
            self._refuse(HeaderTimeoutError())

    def _stop_timer(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None

    def _refuse(self, error: RefusedError) -> None:
        self._stop_timer()
        is_silent = not self._raw_bytes and self._is_in_headers
        # A response now would overtake or interrupt the response to an earlier request.
        if is_silent or self.pipeline or self._has_response_begun():
            self._connection.close_now()
        else:
            # Until a request begins, `headers` contains the headers of the previous request.
            trace_id = choose_trace_id(self.headers if self._has_begun else ())
            self._connection.write(refusal(error, trace_id))
            self._connection.linger()
            # The middleware records a request that has reached the application.
            if self._is_in_headers:
                record(error, trace_id, self.app_state.get(METRICS))

    def _has_response_begun(self) -> bool:
        current = self._current
        return current is not None and current.response_started and not current.response_complete


def protocol_of(settings: Settings) -> type[BoundedProtocol]:
    """Returns a protocol class with the limits of the settings; uvicorn makes an instance for each connection."""

    class ProtocolOfSettings(BoundedProtocol):
        __slots__ = ()

        max_header_bytes = settings.requests.max_header_bytes
        header_timeout_seconds = settings.requests.header_timeout_seconds
        flush_seconds = settings.streams.write_timeout_seconds

    return ProtocolOfSettings
