"""Extends uvicorn's HTTP protocol by a direct writer for streams and by a close that loses no response.

uvicorn alone closes a connection while the caller still sends, which loses the response, or reads on without end.
"""

import asyncio
from typing import Any, cast

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from chatcore_service.http.buffer_budget import FREE_BYTES, HELD_BODY, BufferBudget, HeldBytes
from chatcore_service.lifespan import BUFFER_BUDGET
from chatcore_service.server.chunked_writer import ChunkedWriter
from chatcore_service.server.close_delimited import CloseDelimited
from chatcore_service.server.delivery_watch import DeliveryWatch
from chatcore_service.server.unread_body import LingeringTransport, Patience, UnreadBody
from chatcore_service.settings import ConnectionSettings, StreamSettings
from chatcore_service.streaming.direct_writer import ABORT, DIRECT_WRITER, IS_HALF_CLOSED

#: The version of HTTP that does not know the chunked transfer coding.
HTTP_1_0 = "1.0"


class ConnectionProtocol(HttpToolsProtocol):
    """Handles one connection, and delivers each response to its end."""

    # The classes have slots, because uvicorn's attributes are just few enough for Python to share their names between
    # all instances. With these further attributes among them, a connection would take 1.2 kB more.
    __slots__ = (
        "_connection",
        "_current",
        "_delivery_watch",
        "_is_deaf",
        "_is_half_closed",
        "_unread_body",
        "_unsent",
        "_writer",
    )

    #: Time that an idle connection waits for the next request.
    keep_alive_seconds = ConnectionSettings().keep_alive_seconds
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
        self.timeout_keep_alive = self.keep_alive_seconds  # type: ignore[assignment] # uvicorn adds it to a float
        # `_current` is the request in progress. uvicorn's own `cycle` is the newest request, which may wait in the
        # pipeline.
        self._current: RequestResponseCycle | None = None
        # Whether all further input is dropped.
        self._is_deaf = False
        self._is_half_closed = False
        # `_unsent` counts the bytes of responses while the caller does not keep up.
        self._unsent: HeldBytes | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Sets up the connection."""
        real = cast("asyncio.Transport", transport)  # uvicorn also narrows the type
        # What the transport holds below the mark is not counted.
        real.set_write_buffer_limits(high=FREE_BYTES)
        self._unread_body = UnreadBody(self.patience, self.loop, real.close)
        self._writer = ChunkedWriter(real)
        self._connection = LingeringTransport(real, self.loop, self._unread_body, self._writer)
        self._delivery_watch = DeliveryWatch(self._connection, self._writer, seconds=self.flush_seconds, loop=self.loop)
        super().connection_made(self._connection)

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancels all timers and notifies the request in progress."""
        self._unread_body.forget()
        self._delivery_watch.stop()
        self._notify_current_request()
        self._release_all()
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

    def _release_all(self) -> None:
        self._release_unsent()
        for cycle in (self._current, self.cycle, *(waiting for waiting, _ in self.pipeline)):
            if cycle is not None:
                _release_body(cycle)

    def _release_unsent(self) -> None:
        if self._unsent is not None:
            self._unsent.release()
            self._unsent = None

    def eof_received(self) -> bool:  # type: ignore[override] # uvicorn always closes
        """Ends the connection after the responses to all whole requests, because the caller sends no more.

        Returns:
            Whether the transport stays open for these responses.
        """
        if not self._end_after_whole_requests():
            self._writer.is_closed = True
            return False
        # There is no input left to read before the connection is closed.
        self._connection.is_mid_body = False
        self._is_half_closed = True
        return True

    def pause_writing(self) -> None:
        """Pauses the writer, because the caller does not keep up, and watches that the caller takes something."""
        self._writer.is_paused = True
        super().pause_writing()
        self._delivery_watch.start()
        budget: BufferBudget | None = self.app_state.get(BUFFER_BUDGET)
        if budget is not None:
            body = None if self._current is None else _held_body(self._current)
            self._unsent = HeldBytes(budget, None if body is None else body.owner)
            self._unsent.hold(self._connection.get_write_buffer_size())

    def resume_writing(self) -> None:
        """Resumes the writer, because the caller keeps up again."""
        self._writer.is_paused = False
        super().resume_writing()
        self._release_unsent()

    def on_headers_complete(self) -> None:
        """Completes the scope and starts the request."""
        # uvicorn's type of a scope lacks the keys that a server adds.
        scope = cast("dict[str, object]", self.scope)
        scope[ABORT] = self.transport.abort
        scope[IS_HALF_CLOSED] = self._sends_no_more
        if self._version() != HTTP_1_0:
            scope[DIRECT_WRITER] = self._writer
        budget: BufferBudget | None = self.app_state.get(BUFFER_BUDGET)
        if budget is not None:
            scope[HELD_BODY] = HeldBytes(budget)
        self._connection.is_mid_body = True
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Passes on a part of the body; drops the part, and notifies the reader of the body, if there is no room."""
        held = None if self.cycle.response_complete else _held_body(self.cycle)
        if held is None or held.grow(len(body)):
            super().on_body(body)
        else:
            self.cycle.message_event.set()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._current = cycle
        if cycle.scope["http_version"] == HTTP_1_0:
            app = cast("ASGI3Application", CloseDelimited(app, cycle))
        super()._start_asgi_task(cycle, app)

    def _version(self) -> str:
        # An open connection has a parser.
        version: str = self.parser.get_http_version()  # pyright: ignore[reportOptionalMemberAccess]
        return version

    def on_message_complete(self) -> None:
        """Ends the request."""
        super().on_message_complete()
        self._connection.is_mid_body = False
        # An open connection has a parser.
        if not self.parser.should_keep_alive():  # pyright: ignore[reportOptionalMemberAccess]
            # After `Connection: close` in the trailers, too, the parser ignores all further bytes.
            self._end_after_response()
        if self._unread_body.is_expected:
            self._unread_body.forget()
            # uvicorn cancelled the keep-alive timer when the rest of the body arrived.
            self._await_next_request()

    def _await_next_request(self) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def _end_after_response(self) -> None:
        self.cycle.keep_alive = False
        if self.cycle.response_complete:
            self._connection.close_now()

    def on_response_complete(self) -> None:
        """Ends the response, and drops the rest of the request."""
        if self._current is not None:
            _release_body(self._current)
        super().on_response_complete()
        self._delivery_watch.start()
        if self._connection.is_mid_body and self.cycle.response_complete:
            self._unread_body.expect()

    def _end_after_whole_requests(self) -> bool:
        """Drops all further input; the responses to the requests that have arrived whole are still sent.

        Returns False, and does nothing, if there is no such request without a response.
        """
        if self._connection.is_mid_body and self.pipeline:
            # The newest request, which is not whole, is never started.
            self.pipeline.popleft()
            newest = self.pipeline[0][0] if self.pipeline else self._current
        else:
            newest = None if self._connection.is_mid_body else self.cycle
        if newest is None or newest.response_complete:
            return False
        newest.keep_alive = False
        self._is_deaf = True
        # The caller may be sending, so the connection lingers before it is closed, as in the middle of a body.
        self._connection.is_mid_body = True
        return True

    def _sends_no_more(self) -> bool:
        return self._is_half_closed

    def _listens(self) -> bool:
        """Returns whether input is parsed."""
        return not self._is_deaf and not self.transport.is_closing()

    def _has_response_begun(self) -> bool:
        current = self._current
        return current is not None and current.response_started and not current.response_complete


def _held_body(cycle: RequestResponseCycle) -> HeldBytes | None:
    # uvicorn's type of a scope lacks the keys that a server adds.
    return cast("dict[str, HeldBytes]", cycle.scope).get(HELD_BODY)


def _release_body(cycle: RequestResponseCycle) -> None:
    # A connection keeps its last request until the next one.
    cycle.body = bytearray()
    held = _held_body(cycle)
    if held is not None:
        held.release()
