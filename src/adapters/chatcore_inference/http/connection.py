"""Sends requests over one socket and receives their responses, one after the other."""

import asyncio
from collections.abc import Callable
from typing import cast

from chatcore_inference.http.body_sink import BodySink
from chatcore_inference.http.epoll_reader import EpollReader
from chatcore_inference.http.exchange import Exchange

# How long a response may take to end after its reader has enough, so that its connection can serve again.
_LINGER_SECONDS = 1.0


class Connection(asyncio.Protocol):
    """A connection to the inference service, held by one exchange at a time.

    Args:
        on_free: is called once after each exchange: the connection can serve again, or is gone (`is_gone`).
        on_gone: is called when the connection is lost, whatever it was doing.
        max_header_bytes: of one response.
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
        #: Whether the connection has been idle. If so, the service may have closed it, and a lost request is repeated.
        self.has_waited = False
        #: When the connection last became idle, by the event loop's clock.
        self.idle_since = 0.0
        #: Whether the connection is closed or about to be.
        self.is_gone = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keeps the socket, or closes it if the caller has gone meanwhile."""
        self._socket = cast("asyncio.Transport", transport)  # uvloop's transports do not inherit the class.
        if self.is_gone:
            self._socket.abort()

    def be_read_by(self, epoll_reader: EpollReader) -> None:
        """Lets `epoll_reader` read in place of the transport; `on_gone` must make the reader forget this connection."""
        assert self._socket is not None  # noqa: S101 - for the type checker: connection_made was called
        epoll_reader.read_for(self, self._socket)

    def data_received(self, data: bytes) -> None:
        """Feeds the exchange; closes the connection if bytes come that nobody asked for."""
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
        """Closes the socket at once, whatever the connection is doing."""
        self.is_gone = True
        if self._socket is not None:
            self._socket.abort()

    def begin(self, request: bytes, sink: BodySink | None) -> Exchange:
        """Sends `request` and returns its exchange, which the caller ends by :meth:`end`."""
        assert self._socket is not None  # noqa: S101 - for the type checker: connection_made was called
        exchange = Exchange(sink, max_header_bytes=self._max_header_bytes, is_reused=self.has_waited)
        self._exchange = exchange
        if self.is_gone or self._socket.is_closing():
            exchange.lose(None)
        else:
            self._socket.write(request)
        return exchange

    def end(self) -> None:
        """Ends the exchange and frees the connection if the response is complete, or as soon as it is.

        Any other connection is closed at once, which is how the inference service learns that nobody reads any more.
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
