"""Checks that an HTTP response is read the same wherever it is cut, and that a malformed one is an httpx error."""

import httpx

from chatcore_inference.http.body_sink import BodySink
from chatcore_inference.http.exchange import Exchange
from tests.fuzz.targets.chunks import chunks_in, cut, uncut

# The limit is small, so that inputs reach it.
_MAX_HEADER_BYTES = 200

_STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
_RESPONSES = (
    _STREAM + b"Transfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nX-Trailer: 1\r\n\r\n",
    _STREAM + b"Content-Length: 5\r\n\r\nhello",
    _STREAM + b"Connection: close\r\n\r\nhello",
    b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + _STREAM + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"HTTP/1.0 503 Busy\r\nRetry-After: 7\r\n\r\n",
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\n\r\n",
    b"HTTP/1.1 000 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
)
SEEDS = tuple(make(response) for response in _RESPONSES for make in (cut, uncut))


class _Sink(BodySink):
    """Takes a body up to the first exclamation mark."""

    def __init__(self) -> None:
        self.body = bytearray()

    def accepts(self, status: int, headers: httpx.Headers) -> bool:
        return status == httpx.codes.OK and "content-encoding" not in headers

    def feed(self, data: bytes) -> bool:
        wanted, mark, _ = data.partition(b"!")
        self.body += wanted
        return bool(mark)


def check(data: bytes) -> None:
    """Reads a response in chunks and in one piece."""
    chunks = chunks_in(data)

    assert _read(chunks) == _read([b"".join(chunks)])


def _read(chunks: list[bytes]) -> tuple[object, ...]:
    sink = _Sink()
    exchange = Exchange(sink, max_header_bytes=_MAX_HEADER_BYTES, is_reused=False)
    if all(exchange.feed(chunk) for chunk in chunks if chunk):
        exchange.lose(None)
    error = exchange._error
    assert error is None or isinstance(error, httpx.TransportError)
    assert exchange.is_complete or error is not None
    headers = exchange.headers.raw if exchange.headers else None
    body = b"".join(exchange._chunks)
    # The kind of the error is left out: a head without an end, after an interim head, is refused as too large or lost
    # with the connection, depending on how much of it came in the same read.
    return exchange.status, headers, body, bytes(sink.body), exchange.has_enough, exchange.is_complete, error is None
