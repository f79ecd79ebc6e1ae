"""Holds the response to one request while httptools parses the response."""

import asyncio
from collections.abc import Callable

import httptools
import httpx

from chatcore_inference.http.body_sink import BodySink

_FIRST_STATUS, _FIRST_FINAL_STATUS = 100, 200
_STATUSES_WITHOUT_BODY = {204, 304}
# The parser does not report these bytes of a head, and of each header in the head.
_AROUND_HEAD = len(b"HTTP/1.1 200 \r\n\r\n")
_AROUND_HEADER = len(b": \r\n")


class StaleConnectionError(httpx.ReadError):
    """Reports that a reused connection was closed before any byte of the response, so a fresh one may be tried."""


class Exchange:
    """Takes the parser's callbacks and wakes the caller that waits for the head or for the body.

    While a sink takes the body, no task waits for a chunk: the sink is called once for each read, with all bytes of the
    read, and the waiter is woken once, at the end.
    """

    __slots__ = (
        "_body",
        "_buffered_bytes",
        "_chunks",
        "_ends_with_connection",
        "_error",
        "_has_progress",
        "_has_started",
        "_header_bytes",
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
        self._buffered_bytes = 0
        self._has_progress = False
        # These are the bytes of the body from the current read.
        self._body = b""
        self._is_reused = is_reused
        self._parser = httptools.HttpResponseParser(self)
        self._raw_headers: list[tuple[bytes, bytes]] = []
        self._chunks: list[bytes] = []
        self._error: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._has_started = False
        self._ends_with_connection = False
        #: The function to call, if set, as soon as the response is complete.
        self.when_complete: Callable[[], None] | None = None
        self.status = 0
        self.http_version = "1.1"
        self.headers: httpx.Headers | None = None
        #: Whether the response has come to its proper end.
        self.is_complete = False
        #: Whether the sink wants no more bytes.
        self.has_enough = False
        #: Whether the connection may serve another request once the response is complete.
        self.is_reusable = False

    # The connection calls these methods.

    def feed(self, data: bytes) -> bool:
        """Parses bytes from the socket; returns whether the connection is still usable."""
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._hand_over()
            return self._refuse(f"The response is not proper HTTP: {error}")
        if self._body:
            self._buffered_bytes = 0
            self._hand_over()
        elif self._has_progress:
            self._has_progress = False
            self._buffered_bytes = 0
        else:
            # The parser buffers a header or trailer until its end and reports it only then, so the buffer is counted in
            # addition to the head.
            self._buffered_bytes += len(data)
            if self._buffered_bytes > self._max_header_bytes and not self.is_complete:
                return self._refuse("The response is all head.")
        return self._error is None

    def lose(self, cause: Exception | None) -> None:
        """Ends the response, because the connection broke or (None) because the service closed it."""
        self.is_reusable = False
        if self.headers is not None and self._ends_with_connection and cause is None:
            self.is_complete = True
            self._wake()
        elif self._is_reused and not self._has_started:
            self._fail(StaleConnectionError("The connection was closed before the response began."))
        else:
            self._fail(httpx.ReadError("The connection broke before the response was complete."))

    # The waiting side calls these methods.

    async def wait_for_head(self) -> httpx.Headers:
        """Returns the response's headers as soon as they have arrived.

        Raises:
            httpx.TransportError: the headers will not arrive.
        """
        while self.headers is None:
            self._raise_error()
            await self._wait()
        return self.headers

    async def next_chunk(self) -> bytes:
        """Waits for more of the body and returns the bytes since the last call, or empty bytes at the body's end.

        Raises:
            httpx.TransportError: the body will not end properly.
            Exception: the sink raised this error.
        """
        while not (self._chunks or self.is_complete or self.has_enough):
            self._raise_error()
            await self._wait()
        self._raise_error()  # An error of the sink counts even if the response is complete.
        chunk = b"".join(self._chunks)
        self._chunks.clear()
        return chunk

    # The parser calls these methods.

    def on_message_begin(self) -> None:
        """Notes that a response begins, and refuses a second one."""
        self._has_started = True
        if self.is_complete:
            raise ValueError("a second response")
        self._count_head(_AROUND_HEAD)

    def on_status(self, reason: bytes) -> None:
        """Counts the reason phrase."""
        self._count_head(len(reason))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Counts a header or trailer, and keeps it if it is a header."""
        self._count_head(len(name) + len(value) + _AROUND_HEADER)
        if self.headers is None:
            self._raw_headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Publishes the head, unless the head is that of an interim response."""
        self._has_progress = True
        status = self._parser.get_status_code()
        if status < _FIRST_STATUS:
            # The parser would read a body after it, which belongs to no response.
            raise ValueError("an unknown status")
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
            # A service that sends another kind of response than was requested may go on after the announced end, and
            # the rest would be taken for the answer to the next request.
            self.is_reusable = False

    def on_body(self, body: bytes) -> None:
        """Collects the next bytes of the body."""
        # Nearly every read brings a single chunk, which is not copied.
        self._body = self._body + body if self._body else body

    def on_message_complete(self) -> None:
        """Completes the response, or forgets an interim one."""
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
        except Exception as error:  # noqa: BLE001 - the waiter raises the error
            # The error counts even if the refused data completed the response.
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
