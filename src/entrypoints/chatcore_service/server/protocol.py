"""uvicorn's HTTP protocol, with bounds on what comes before a request's body, and after its answer.

By itself it takes headers of any size, and waits for them for ever; it closes connections while the caller is still
sending, so that the answer is lost, or reads on without end.
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
from chatcore_service.server.refusal import record, refusal
from chatcore_service.server.unread_body import LingeringTransport, Patience, UnreadBody
from chatcore_service.settings import RequestSettings, Settings, StreamSettings
from chatcore_service.streaming.direct_writer import ABORT, DIRECT_WRITER

#: Most requests that may wait on one connection behind the one that is being answered.
MAX_PIPELINED = 16

# The parser knows others, too, whose requests end elsewhere.
_VERSIONS = frozenset({"1.0", "1.1"})


class BoundedProtocol(HttpToolsProtocol):
    """One connection."""

    # Beside uvicorn's own attributes, which are just so many that Python shares their names between all connections:
    # with these among them a connection would cost 1.2 kB more.
    __slots__ = (
        "_answering",
        "_connection",
        "_flush_timer",
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

    #: A request's target and its headers together.
    max_header_bytes = RequestSettings().max_header_bytes
    #: Until a request's headers are all there, from the connection or from their first byte.
    header_timeout_seconds = RequestSettings().header_timeout_seconds
    #: A caller that takes nothing of its answer for so long is cut off.
    flush_seconds = StreamSettings().write_timeout_seconds
    #: With the rest of a request that has been answered.
    patience = Patience()

    #: Set as soon as there is a connection.
    _connection: LingeringTransport
    _unread_body: UnreadBody
    _writer: ChunkedWriter

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - as uvicorn calls it
        super().__init__(*args, **kwargs)
        self._raw_bytes = 0
        #: Where in the bytes that came last a request ended that asked for another protocol.
        self._upgrade_ends_at: int | None = None
        self._header_bytes = 0
        self._refusal: RefusedError | None = None
        self._is_in_headers = True
        self._has_begun = False
        self._header_timer: asyncio.TimerHandle | None = None
        self._flush_timer: asyncio.TimerHandle | None = None
        # What is answered now; uvicorn's own `cycle` is the newest, which may wait in its pipeline.
        self._answering: RequestResponseCycle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Starts to wait for a request."""
        real = cast("asyncio.Transport", transport)  # uvicorn narrows it too.
        self._unread_body = UnreadBody(self.patience, self.loop, real.close)
        self._writer = ChunkedWriter(real)
        self._connection = LingeringTransport(real, self.loop, self._unread_body, self._writer)
        super().connection_made(self._connection)
        self._expect_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Waits no more."""
        self._stop_timer()
        self._unread_body.forget()
        if self._flush_timer is not None:
            self._flush_timer.cancel()
        self._tell_of_departure()
        super().connection_lost(exc)
        self._writer.depart()
        # uvicorn forgets it on errors; its timer would find a closed transport later.
        self._unset_keepalive_if_required()

    def _tell_of_departure(self) -> None:
        # uvicorn tells the newest request only, and what is answered would go on for nobody.
        answering = self._answering
        if answering is not None and answering is not self.cycle and not answering.response_complete:
            answering.disconnected = True
            answering.message_event.set()

    def eof_received(self) -> None:
        """The caller sends no more; the transport closes by itself."""
        self._writer.is_closed = True
        super().eof_received()

    def pause_writing(self) -> None:
        """The caller does not keep up."""
        self._writer.is_paused = True
        super().pause_writing()

    def resume_writing(self) -> None:
        """It does again."""
        self._writer.is_paused = False
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        """Bounds what has not yet become a whole header, and what nobody waits for."""
        if self._unread_body.are_expected:
            self._unread_body.drop(len(data))
        if self.transport.is_closing():
            return
        # Of anything but a body: the parser hoards a header, or a trailer, until its end.
        self._raw_bytes += len(data)
        super().data_received(data)
        if self._raw_bytes > self.max_header_bytes and not self.transport.is_closing():
            self._refuse(HeadersTooLargeError(self.max_header_bytes))
        if self._upgrade_ends_at is not None:
            rest, self._upgrade_ends_at = data[self._upgrade_ends_at :], None
            if rest:
                self.data_received(rest)

    def _unsupported_upgrade_warning(self) -> None:
        # Such a request is answered like any other, and what follows it is HTTP as before; uvicorn would drop it.
        self._upgrade_ends_at = cast("HttpParserUpgrade", sys.exception()).args[0]

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._has_begun = True
        self._unset_keepalive_if_required()
        # uvicorn's type of a scope has no room for what a server adds.
        scope = cast("dict[str, object]", self.scope)
        scope[ABORT] = self.transport.abort
        scope[DIRECT_WRITER] = self._writer
        if self._header_timer is None:
            self._expect_headers()

    def on_url(self, url: bytes) -> None:
        """More of the request's target."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """One more header."""
        self._count(len(name) + len(value) + len(b": \r\n"))
        if name.lower() == b"transfer-encoding" and value.strip(b" \t").lower() != b"chunked":
            # Another coding would have to be undone first; who sees none of it sees another body.
            raise MalformedHttpError
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """All headers are here."""
        if len(self.pipeline) >= MAX_PIPELINED:
            # Never said: nothing can be answered out of turn.
            raise MalformedHttpError
        # There is a parser for as long as there is a connection.
        if self.parser.get_http_version() not in _VERSIONS:  # pyright: ignore[reportOptionalMemberAccess]
            raise MalformedHttpError
        self._stop_timer()
        self._is_in_headers = False
        # They were counted one by one, and may be as large as that without any of the body.
        self._raw_bytes = 0
        self._connection.is_mid_body = True
        super().on_headers_complete()
        # uvicorn reads no more while requests wait, and would not see the caller leave; here so many may wait.
        self.flow.resume_reading()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._answering = cycle
        super()._start_asgi_task(cycle, app)

    def on_body(self, body: bytes) -> None:
        """More of the request's body, which has bounds of its own."""
        self._raw_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is all here; another may follow on the same connection."""
        super().on_message_complete()
        self._raw_bytes = self._header_bytes = 0
        self._is_in_headers = True
        self._has_begun = False
        self._connection.is_mid_body = False
        if self._unread_body.are_expected:
            self._unread_body.forget()
            # uvicorn stopped it when the leftovers came.
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def on_response_complete(self) -> None:
        """The caller has its answer; what it still sends is dropped."""
        super().on_response_complete()
        self._see_it_taken()
        if not self._is_in_headers and self.cycle.response_complete:
            self._unread_body.expect()

    def _see_it_taken(self) -> None:
        # One look at a time, also where answers follow each other faster than that.
        if self._flush_timer is None and self._connection.get_write_buffer_size():
            self._flush_timer = self.loop.call_later(self.flush_seconds, self._look_again, self._connection.taken_bytes)

    def _look_again(self, taken_before: int) -> None:
        self._flush_timer = None
        # A stream that goes on has its own watch, and what it writes is not counted here.
        has_progress = self._writer.is_in_use or self._connection.taken_bytes != taken_before
        if self._connection.get_write_buffer_size() and not has_progress:
            self.transport.abort()
        else:
            self._see_it_taken()

    def _count(self, header_bytes: int) -> None:
        self._header_bytes += header_bytes
        if self._header_bytes > self.max_header_bytes:
            self._refusal = HeadersTooLargeError(self.max_header_bytes)
            # Out of the parser, which turns it into the error that uvicorn answers with send_400_response.
            raise self._refusal

    def send_400_response(self, msg: str) -> None:
        """What the parser refuses is answered like every refusal."""
        del msg
        self._refuse(self._refusal or MalformedHttpError())

    def _expect_headers(self) -> None:
        self._header_timer = self.loop.call_later(self.header_timeout_seconds, self._give_up)

    def _give_up(self) -> None:
        if not self.transport.is_closing():
            self._refuse(HeaderTimeoutError())

    def _stop_timer(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None

    def _refuse(self, error: RefusedError) -> None:
        self._stop_timer()
        is_silent = not self._raw_bytes and self._is_in_headers
        # An answer to what waits would come before the answers to what it waits for, or in the middle of one.
        if is_silent or self.pipeline or self._is_answering_aloud():
            self._connection.close_now()
        else:
            # The headers of the request before are of no use.
            trace_id = choose_trace_id(self.headers if self._has_begun else ())
            self._connection.write(refusal(error, trace_id))
            self._connection.linger()
            # What has reached the application is recorded by its envelope.
            if self._is_in_headers:
                record(error, trace_id, self.app_state.get(METRICS))

    def _is_answering_aloud(self) -> bool:
        answering = self._answering
        return answering is not None and answering.response_started and not answering.response_complete


def protocol_of(settings: Settings) -> type[BoundedProtocol]:
    """The protocol with the bounds of these settings; a class, since uvicorn makes an instance for each connection."""

    class ProtocolOfSettings(BoundedProtocol):
        __slots__ = ()

        max_header_bytes = settings.requests.max_header_bytes
        header_timeout_seconds = settings.requests.header_timeout_seconds
        flush_seconds = settings.streams.write_timeout_seconds

    return ProtocolOfSettings
