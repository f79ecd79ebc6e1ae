"""Sends requests over one socket and receives their responses, one after the other."""

import asyncio
from collections.abc import Callable
from typing import cast

from chatcore_inference.http.body_sink import BodySink
from chatcore_inference.http.epoll_reader import EpollReader
from chatcore_inference.http.exchange import Exchange

# A response may take this long to end after its reader has enough, so that the connection can serve again.
_LINGER_SECONDS = 1.0


class Connection(asyncio.Protocol):
    """A connection to the inference service, held by one exchange at a time.

    Args:
        on_free: the function to call once after each exchange, when the connection can serve again or is closed
            (`is_gone`).
        on_gone: the function to call when the connection is lost, in any state.
        max_header_bytes: most bytes of the headers of one response.
    """

    __slots__ = (
        "_cause",
        "_exchange",
        "_linger",
        "_max_header_bytes",
        "_on_free",
        "_on_gone",
        "_socket",
        "has_waited",
        "idle_since",
        "is_gone",
    )

    def __init__(
        self,
        *,
        on_free: Callable[["Connection"], None],
        on_gone: Callable[["Connection"], None],
        max_header_bytes: int,
    ) -> None:
        self._on_free = on_free
        self._on_gone = on_gone
        self._max_header_bytes = max_header_bytes
        self._socket: asyncio.Transport | None = None
        self._cause: Exception | None = None
        self._exchange: Exchange | None = None
        self._linger: asyncio.TimerHandle | None = None
        #: Whether the connection was idle before. The service may have closed it, so a lost request is repeated.
        self.has_waited = False
        #: When the connection last became idle, by the event loop's clock.
        self.idle_since = 0.0
        #: Whether the connection is closed or about to be.
        self.is_gone = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keeps the socket, or closes the socket if the caller gave up meanwhile."""
        self._socket = cast("asyncio.Transport", transport)  # uvloop's transports do not inherit the class.
        if self.is_gone:
            self._socket.abort()

    def be_read_by(self, epoll_reader: EpollReader) -> None:
        """Lets `epoll_reader` read in place of the transport; `on_gone` must make the reader forget the connection."""
        assert self._socket is not None  # noqa: S101 - connection_made was called, as the type checker cannot know
        epoll_reader.read_for(self, self._socket)

    def data_received(self, data: bytes) -> None:
        """Feeds the exchange, or closes the connection if the service sends bytes without a request."""
        if self._exchange is None or not self._exchange.feed(data):
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends the exchange, because the service or the network closed the connection."""
        self.is_gone = True
        if self._exchange is not None:
            self._exchange.lose(exc or self._cause)
        if self._linger is not None:
            self._release()
        self._on_gone(self)

    def lose(self, cause: Exception | None) -> None:
        """Closes the connection after the epoll reader found its end; `cause` is None if the service closed it."""
        self._cause = cause
        self.abort()

    def abort(self) -> None:
        """Closes the socket at once, in any state of the connection."""
        self.is_gone = True
        if self._socket is not None:
            self._socket.abort()

    def begin(self, request: bytes, sink: BodySink | None) -> Exchange:
        """Sends `request` and returns its exchange, which the caller must end with :meth:`end`."""
        assert self._socket is not None  # noqa: S101 - connection_made was called, as the type checker cannot know
        exchange = Exchange(sink, max_header_bytes=self._max_header_bytes, is_reused=self.has_waited)
        self._exchange = exchange
        if self.is_gone or self._socket.is_closing():
            exchange.lose(None)
        else:
            self._socket.write(request)
        return exchange

    def end(self) -> None:
        """Ends the exchange, and releases the connection if the response is complete or about to be complete.

        Otherwise the connection is closed at once, which tells the inference service that the client stopped reading.
        """
        exchange = self._exchange
        if exchange is None or self._linger is not None:
            return
        if exchange.has_enough and not exchange.is_complete and exchange.is_reusable and not self.is_gone:
            exchange.when_complete = self._release
            self._linger = asyncio.get_running_loop().call_later(_LINGER_SECONDS, self._release)
        else:
            self._release()

    def _release(self) -> None:
        exchange, self._exchange = self._exchange, None
        if self._linger is not None:
            self._linger.cancel()
            self._linger = None
        if exchange is None or not (exchange.is_complete and exchange.is_reusable):
            self.abort()
        self._on_free(self)
