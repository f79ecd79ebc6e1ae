"""One socket: requests out, responses in, one after the other."""

import asyncio
from collections.abc import Callable
from typing import cast

from chatcore_inference.http.body_sink import BodySink
from chatcore_inference.http.epoll_reader import EpollReader
from chatcore_inference.http.exchange import Exchange

# How long a response that nobody wants any more of may take to end, so that its connection can serve again.
_LINGER_SECONDS = 1.0


class Connection(asyncio.Protocol):
    """A connection to the inference service, held by one exchange at a time.

    Args:
        on_free: called once after each exchange: the connection serves again, or is gone (`is_gone`).
        on_gone: called when the connection is lost, whatever it was doing.
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
        #: Whether it has been free before: the other side may have closed it meanwhile, and is asked once more then.
        self.has_waited = False
        #: When it last became free, by the event loop's clock.
        self.idle_since = 0.0
        #: Whether it is closed or about to be.
        self.is_gone = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is there; or too late, when whoever wanted it has gone."""
        self._socket = cast("asyncio.Transport", transport)  # Sockets are; uvloop's do not say so.
        if self.is_gone:
            self._socket.abort()

    def be_read_by(self, epoll_reader: EpollReader) -> None:
        """Has it read what comes, in place of the transport; until `on_gone`, where it is to be told to forget."""
        assert self._socket is not None  # noqa: S101 - for the type checker: connection_made was called
        epoll_reader.read_for(self, self._socket)

    def data_received(self, data: bytes) -> None:
        """Bytes for the exchange; without one nobody has asked, so the other side cannot be trusted."""
        if self._exchange is None or not self._exchange.feed(data):
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """The other side closed, or the network did."""
        self.is_gone = True
        if self._exchange is not None:
            self._exchange.lose(exc or self._cause)
        if self._linger is not None:
            self._settle()
        self._on_gone(self)

    def lose(self, cause: Exception | None) -> None:
        """What the transport would tell if it were it who reads."""
        self._cause = cause
        self.abort()

    def abort(self) -> None:
        """Closes the socket at once, whatever is under way."""
        self.is_gone = True
        if self._socket is not None:
            self._socket.abort()

    def begin(self, request: bytes, sink: BodySink | None) -> Exchange:
        """Sends `request`; the exchange it returns is to be ended by :meth:`end`."""
        assert self._socket is not None  # noqa: S101 - for the type checker: connection_made was called
        exchange = Exchange(sink, max_header_bytes=self._max_header_bytes, is_reused=self.has_waited)
        self._exchange = exchange
        if self.is_gone or self._socket.is_closing():
            exchange.lose(None)
        else:
            self._socket.write(request)
        return exchange

    def end(self) -> None:
        """Ends the exchange: the connection serves again if the response is complete, or will be in a moment.

        Otherwise it is closed at once, which is how the inference service learns that nobody listens any more.
        """
        exchange = self._exchange
        if exchange is None or self._linger is not None:
            return
        if exchange.has_enough and not exchange.is_complete and exchange.is_reusable and not self.is_gone:
            exchange.when_complete = self._settle
            self._linger = asyncio.get_running_loop().call_later(_LINGER_SECONDS, self._settle)
        else:
            self._settle()

    def _settle(self) -> None:
        exchange, self._exchange = self._exchange, None
        if self._linger is not None:
            self._linger.cancel()
            self._linger = None
        if exchange is None or not (exchange.is_complete and exchange.is_reusable):
            self.abort()
        self._on_free(self)
