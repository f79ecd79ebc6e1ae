"""Limits the connections of a process, the requests that wait on each, and the headers of a request.

uvicorn alone accepts headers of any size and waits for the headers without end.
"""

import asyncio
import sys
from collections.abc import Sequence
from typing import Any, cast

from httptools import HttpParserUpgrade

from chatcore_service.http import paths
from chatcore_service.http.cors import cors_headers
from chatcore_service.http.refusals import (
    HeadersTooLargeError,
    HeaderTimeoutError,
    MalformedHttpError,
    RefusedError,
    TooManyConnectionsError,
)
from chatcore_service.http.trace import choose_trace_id
from chatcore_service.lifespan import METRICS
from chatcore_service.server.connection_limit import ConnectionLimit
from chatcore_service.server.connection_protocol import HTTP_1_0, ConnectionProtocol
from chatcore_service.server.refusal import record, refusal
from chatcore_service.server.unparsed_headers import unparsed_headers
from chatcore_service.settings import ConnectionSettings, RequestSettings, Settings

#: Most requests that may wait on one connection behind the request in progress.
MAX_PIPELINED = 16

_PROBES = frozenset(path.encode() for path in paths.PROBES)

# The parser also accepts other versions, whose requests end at another place.
_VERSIONS = frozenset({HTTP_1_0, "1.1"})


class BoundedProtocol(ConnectionProtocol):
    """Handles one connection within the limits."""

    __slots__ = (
        "_has_begun",
        "_header_bytes",
        "_header_timer",
        "_is_extra",
        "_is_in_headers",
        "_raw_bytes",
        "_received",
        "_refusal",
        "_upgrade_ends_at",
    )

    #: Limit for a request's target and its headers together.
    max_header_bytes = RequestSettings().max_header_bytes
    #: Time until all headers of a request have arrived, counted from the connection or from their first byte.
    header_timeout_seconds = RequestSettings().header_timeout_seconds
    #: Origins whose scripts may read a refusal.
    origins: Sequence[str] = ()
    #: Limit for the number of connections, which all instances share.
    connection_limit = ConnectionLimit(ConnectionSettings().max_connections)

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - as uvicorn calls it
        super().__init__(*args, **kwargs)
        self._raw_bytes = 0
        # The bytes that are being parsed.
        self._received = b""
        # The end of a request for a protocol upgrade, as an index into the bytes received last.
        self._upgrade_ends_at: int | None = None
        self._header_bytes = 0
        self._refusal: RefusedError | None = None
        self._is_in_headers = True
        self._has_begun = False
        self._is_extra = False
        self._header_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Sets up the connection and starts to wait for a request."""
        super().connection_made(transport)
        self._is_extra = not self.connection_limit.admit(self)
        self._expect_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stops counting the connection, and notifies its requests."""
        self.connection_limit.leave(self)
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parses data, within the limits for incomplete headers and for unread bodies."""
        if self._unread_body.is_expected:
            self._unread_body.drop(len(data))
        if not self._listens():
            return
        # Bytes outside a body are counted, because the parser buffers a header or a trailer until its end.
        self._raw_bytes += len(data)
        self._received = data
        super().data_received(data)
        if self._raw_bytes > self.max_header_bytes and self._listens():
            self._refuse(HeadersTooLargeError(self.max_header_bytes))
        self._received = b""
        if self._upgrade_ends_at is not None:
            rest, self._upgrade_ends_at = data[self._upgrade_ends_at :], None
            if rest:
                self.data_received(rest)
        if self.timeout_keep_alive_task is None and self._is_idle():
            # uvicorn cancels the timer for any bytes, and empty lines begin no request.
            self._await_next_request()

    def _is_idle(self) -> bool:
        has_answered = self._current is not None and self.cycle.response_complete
        return has_answered and not self._has_begun and self._listens()

    def eof_received(self) -> bool:  # type: ignore[override] # uvicorn always closes
        """Stops waiting for further headers, because the caller sends no more."""
        self._stop_timer()
        return super().eof_received()

    def _unsupported_upgrade_warning(self) -> None:
        # The request is handled like any other, and further HTTP requests may follow. uvicorn would drop the bytes
        # after the request.
        self._upgrade_ends_at = cast("HttpParserUpgrade", sys.exception()).args[0]

    def on_message_begin(self) -> None:
        """Notes that a request has begun, and limits the time for its headers."""
        super().on_message_begin()
        self._has_begun = True
        self._unset_keepalive_if_required()
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
        if len(self.pipeline) >= MAX_PIPELINED or self._version() not in _VERSIONS:
            raise MalformedHttpError
        if self._version() == HTTP_1_0 and any(name == b"transfer-encoding" for name, _ in self.headers):
            # The version has no transfer codings, so a proxy may see another end of the request.
            raise MalformedHttpError
        if self._is_extra and self._path() not in _PROBES:
            self._raise_refusal(TooManyConnectionsError())
        self._stop_timer()
        self._is_in_headers = False
        # `on_header` has counted the headers one by one, and they may reach the limit without any byte of the body.
        self._raw_bytes = 0
        # Until here the connection counted as idle, so that callers who never finish a head shut out nobody else.
        self.connection_limit.mark_busy(self)
        super().on_headers_complete()
        if self._is_extra:
            self.cycle.keep_alive = False
        # uvicorn stops reading while requests wait, and would not notice that the caller disconnects. Here,
        # MAX_PIPELINED requests may wait.
        self.flow.resume_reading()

    def on_body(self, body: bytes) -> None:
        """Passes on a part of the body, which has limits of its own."""
        self._raw_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Ends the request and prepares for another one on the same connection."""
        super().on_message_complete()
        self._raw_bytes = self._header_bytes = 0
        self._is_in_headers = True
        self._has_begun = False
        if self.cycle.response_complete:
            self.connection_limit.mark_idle(self)

    def on_response_complete(self) -> None:
        """Ends the response."""
        super().on_response_complete()
        if self.cycle.response_complete:
            self.connection_limit.mark_idle(self)

    def _count(self, header_bytes: int) -> None:
        self._header_bytes += header_bytes
        if self._header_bytes > self.max_header_bytes:
            self._raise_refusal(HeadersTooLargeError(self.max_header_bytes))

    def _raise_refusal(self, error: RefusedError) -> None:
        # The parser turns this exception into the error for which uvicorn calls `send_400_response`.
        self._refusal = error
        raise error

    def _path(self) -> bytes:
        return self.url.partition(b"?")[0].rstrip(b"/")

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
        # The refusal must not overtake the responses to earlier requests, nor interrupt the response to this one.
        if self._end_after_whole_requests():
            return
        is_silent = not self._raw_bytes and not self._has_begun
        if is_silent or self._has_response_begun():
            self._connection.close_now()
        else:
            headers = self._headers_of_refused()
            trace_id = choose_trace_id(headers)
            self._connection.write(refusal(error, trace_id, cors_headers(self.origins, headers)))
            self._connection.linger()
            # The middleware records a request that has reached the application.
            if self._is_in_headers:
                record(error, trace_id, self.app_state.get(METRICS))

    def _headers_of_refused(self) -> list[tuple[bytes, bytes]]:
        # Until a request begins, `headers` contains the headers of the previous request. There is no request before in
        # the bytes received: it would not have its response yet, and would be the last one with a response.
        parsed = self.headers if self._has_begun else []
        return [*parsed, *unparsed_headers(self._received)] if self._is_in_headers else parsed

    def give_way(self) -> None:
        """Closes the connection, which is idle or extra, because a new one needs its place."""
        if self._is_extra:
            self._connection.abort()
        else:
            self._connection.close_now()


def protocol_of(settings: Settings) -> type[BoundedProtocol]:
    """Returns a protocol class with the limits of the settings; uvicorn makes an instance for each connection."""

    class ProtocolOfSettings(BoundedProtocol):
        __slots__ = ()

        max_header_bytes = settings.requests.max_header_bytes
        header_timeout_seconds = settings.requests.header_timeout_seconds
        connection_limit = ConnectionLimit(settings.connections.max_connections)
        keep_alive_seconds = settings.connections.keep_alive_seconds
        origins = settings.frontend_origins
        flush_seconds = settings.streams.write_timeout_seconds

    return ProtocolOfSettings
