"""One request on its way and what came of its response, as httptools tells it."""

import asyncio
from collections.abc import Callable

import httptools
import httpx

from chatcore_inference.http.body_sink import BodySink

_FIRST_FINAL_STATUS = 200
_STATUSES_WITHOUT_BODY = {204, 304}
# What the parser does not tell of a head and of each header in it.
_AROUND_HEAD = len(b"HTTP/1.1 200 \r\n\r\n")
_AROUND_HEADER = len(b": \r\n")


class StaleConnectionError(httpx.ReadError):
    """A connection that had been used before was closed before any byte of this response: try a fresh one."""


class Exchange:
    """The parser's callbacks, and the futures of whoever waits for the head or for the body.

    Nothing waits while a sink takes the body: it is called with what each read brought, all in one piece, and the
    waiter is woken once, at the end.
    """

    __slots__ = (
        "_body",
        "_chunks",
        "_ends_with_connection",
        "_error",
        "_has_got_on",
        "_has_started",
        "_header_bytes",
        "_hoarded_bytes",
        "_is_reused",
        "_max_header_bytes",
        "_offered_sink",
        "_parser",
        "_raw_headers",
        "_sink",
        "_waiter",
        "has_enough",
        "headers",
        "http_version",
        "is_complete",
        "is_reusable",
        "status",
        "when_complete",
    )

    def __init__(self, sink: BodySink | None, *, max_header_bytes: int, is_reused: bool) -> None:
        self._offered_sink = sink
        self._sink: BodySink | None = None
        self._max_header_bytes = max_header_bytes
        self._header_bytes = 0
        self._hoarded_bytes = 0
        self._has_got_on = False
        # What the present read has brought of it.
        self._body = b""
        self._is_reused = is_reused
        self._parser = httptools.HttpResponseParser(self)
        self._raw_headers: list[tuple[bytes, bytes]] = []
        self._chunks: list[bytes] = []
        self._error: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._has_started = False
        self._ends_with_connection = False
        #: Called, when set, as soon as the response is complete.
        self.when_complete: Callable[[], None] | None = None
        self.status = 0
        self.http_version = "1.1"
        self.headers: httpx.Headers | None = None
        #: Whether the response has come to its proper end.
        self.is_complete = False
        #: Whether the sink wants no more.
        self.has_enough = False
        #: Whether the connection may serve another request once the response is complete.
        self.is_reusable = False

    # What the connection tells.

    def feed(self, data: bytes) -> bool:
        """Takes what came off the socket; returns whether the connection is still good."""
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._hand_over()
            return self._refuse(f"The response is not proper HTTP: {error}")
        if self._body:
            self._hoarded_bytes = 0
            self._hand_over()
        elif self._has_got_on:
            self._has_got_on = False
            self._hoarded_bytes = 0
        else:
            # The parser hoards a header or trailer until its end, and tells only then; a head is counted beside that.
            self._hoarded_bytes += len(data)
            if self._hoarded_bytes > self._max_header_bytes and not self.is_complete:
                return self._refuse("The response is all head.")
        return self._error is None

    def lose(self, cause: Exception | None) -> None:
        """The connection is gone: by RST or the like, or (None) because the other side closed it."""
        self.is_reusable = False
        if self.headers is not None and self._ends_with_connection and cause is None:
            self.is_complete = True
            self._wake()
        elif self._is_reused and not self._has_started:
            self._fail(StaleConnectionError("The connection was closed before the response began."))
        else:
            self._fail(httpx.ReadError("The connection broke before the response was complete."))

    # What the waiting side asks.

    async def wait_for_head(self) -> httpx.Headers:
        """The response's headers, as soon as they have come.

        Raises:
            httpx.TransportError: they will not.
        """
        while self.headers is None:
            self._raise_error()
            await self._wait()
        return self.headers

    async def next_chunk(self) -> bytes:
        """What came of the body since the last call, when it came; empty at its end.

        Raises:
            httpx.TransportError: it will not end properly.
            Exception: what the sink raised.
        """
        while not (self._chunks or self.is_complete or self.has_enough):
            self._raise_error()
            await self._wait()
        self._raise_error()  # What the sink refused stays refused, also where the response was complete with it.
        chunk = b"".join(self._chunks)
        self._chunks.clear()
        return chunk

    # What the parser tells.

    def on_message_begin(self) -> None:
        """A response begins; after the one that was asked for nothing may."""
        self._has_started = True
        if self.is_complete:
            raise ValueError("a second response")
        self._count_head(_AROUND_HEAD)

    def on_status(self, reason: bytes) -> None:
        """The words after the status."""
        self._count_head(len(reason))

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header or, after the body, one trailer; trailers count but are not kept."""
        self._count_head(len(name) + len(value) + _AROUND_HEADER)
        if self.headers is None:
            self._raw_headers.append((name, value))

    def on_headers_complete(self) -> None:
        """The head is there, of the response or of an interim one before it."""
        self._has_got_on = True
        status = self._parser.get_status_code()
        if status < _FIRST_FINAL_STATUS:
            return
        self.status = status
        self.http_version = self._parser.get_http_version()
        self.headers = headers = httpx.Headers(self._raw_headers)
        self._ends_with_connection = _ends_with_connection(status, headers)
        self.is_reusable = self._parser.should_keep_alive() and not self._ends_with_connection
        if self._offered_sink is not None:
            self._offer(self._offered_sink, headers)
        self._wake()

    def _offer(self, sink: BodySink, headers: httpx.Headers) -> None:
        if sink.accepts(self.status, headers):
            self._sink = sink
        else:
            # Who says something else than it was asked for may go on when it says that it has ended, and the rest would
            # be taken for the answer to the next request.
            self.is_reusable = False

    def on_body(self, body: bytes) -> None:
        """The next bytes of the body."""
        # Nearly every read brings one chunk, which is not copied.
        self._body = self._body + body if self._body else body

    def on_message_complete(self) -> None:
        """The response is complete, or an interim one is."""
        if self.headers is None:
            self._raw_headers.clear()
            return
        self.is_complete = True
        self._wake()
        if self.when_complete is not None:
            self.when_complete()

    def _count_head(self, size: int) -> None:
        self._header_bytes += size
        if self._header_bytes > self._max_header_bytes:
            raise ValueError("too large a head")

    def _hand_over(self) -> None:
        body, self._body = self._body, b""
        if self._sink is None:
            self._keep(body)
            return
        try:
            if not self._sink.feed(body):
                return
        except Exception as error:  # noqa: BLE001 - it is raised where the response is awaited
            # Also where the response is complete with what the sink refused.
            self._error = self._error or error
        else:
            self.has_enough = True
        self._sink = None
        self._wake()

    def _keep(self, body: bytes) -> None:
        if body and not self.has_enough and self._error is None:
            self._chunks.append(body)
            self._wake()

    def _refuse(self, problem: str) -> bool:
        self.is_reusable = False
        self._fail(httpx.RemoteProtocolError(problem))
        return False

    def _fail(self, error: Exception) -> None:
        if self._error is None and not self.is_complete:
            self._error = error
            self._wake()

    def _raise_error(self) -> None:
        if self._error is not None:
            raise self._error

    async def _wait(self) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        await self._waiter

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def _ends_with_connection(status: int, headers: httpx.Headers) -> bool:
    if status in _STATUSES_WITHOUT_BODY:
        return False
    if "transfer-encoding" in headers:
        return headers["transfer-encoding"].rpartition(",")[2].strip().lower() != "chunked"
    return "content-length" not in headers
