"""Tests an HTTP exchange, fed without a socket."""

import httpx
import pytest

from chatcore.errors import InferenceRefusedError
from chatcore_inference.http.body_sink import BodySink
from chatcore_inference.http.exchange import Exchange, StaleConnectionError

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


class RefusingSink(BodySink):
    """Refuses the bytes that it is fed."""

    def __init__(self) -> None:
        self.fed: list[bytes] = []

    def accepts(self, status: int, headers: httpx.Headers) -> bool:
        del status, headers
        return True

    def feed(self, data: bytes) -> bool:
        self.fed.append(data)
        raise InferenceRefusedError


def exchange(sink: BodySink | None = None, *, is_reused: bool = False) -> Exchange:
    return Exchange(sink, max_header_bytes=200, is_reused=is_reused)


async def body_of(exchange: Exchange) -> bytes:
    body = b""
    while chunk := await exchange.next_chunk():
        body += chunk
    return body


@pytest.mark.parametrize("size", [1, 5, 1000])
@pytest.mark.parametrize(
    ("wire", "body", "is_reusable"),
    [
        (OK + b"Content-Length: 5\r\n\r\nhello", b"hello", True),
        (OK + b"Content-Length: 0\r\n\r\n", b"", True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b"", True),
        (b"HTTP/1.1 304 Not Modified\r\n\r\n", b"", True),
        (CHUNKED + b"5;ext=1\r\nhello\r\n0\r\nX-Trailer: 1\r\n\r\n", b"hello", True),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hint\r\nA: b\r\n\r\n" + CHUNKED + b"0\r\n\r\n", b"", True),
        (OK + b"Connection: close\r\nContent-Length: 5\r\n\r\nhello", b"hello", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", b"hello", False),
    ],
)
async def test_a_response_is_the_same_however_it_is_cut(
    wire: bytes, body: bytes, size: int, *, is_reusable: bool
) -> None:
    response = exchange()

    for at in range(0, len(wire), size):
        assert response.feed(wire[at : at + size])

    assert await body_of(response) == body
    assert response.is_complete
    assert response.is_reusable is is_reusable


async def test_a_body_without_length_ends_with_its_connection() -> None:
    response = exchange()
    response.feed(OK + b"\r\nhello")
    response.lose(None)

    assert await body_of(response) == b"hello"
    assert not response.is_reusable


@pytest.mark.parametrize(
    ("wire", "cause"),
    [
        (OK, None),
        (OK + b"\r\nhello", ConnectionResetError()),
        (OK + b"Content-Length: 6\r\n\r\nhello", None),
        (CHUNKED + b"5\r\nhello\r\n", None),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n", None),
    ],
)
async def test_a_response_that_breaks_off_is_an_error_after_what_came(wire: bytes, cause: Exception | None) -> None:
    response = exchange(is_reused=True)
    response.feed(wire)
    response.lose(cause)

    with pytest.raises(httpx.ReadError) as caught:
        await body_of(response)

    assert not isinstance(caught.value, StaleConnectionError)


@pytest.mark.parametrize("is_reused", [True, False])
async def test_only_a_reused_connection_without_a_byte_is_stale(*, is_reused: bool) -> None:
    response = exchange(is_reused=is_reused)
    response.lose(None)

    with pytest.raises(httpx.ReadError) as caught:
        await response.wait_for_head()

    assert isinstance(caught.value, StaleConnectionError) is is_reused


@pytest.mark.parametrize(
    "wire",
    [
        b"nonsense\r\n",
        b"HTTP/2 200 OK\r\n\r\n",
        # The parser takes these for the heads of final responses.
        b"HTTP/1.1 000 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 099 OK\r\n\r\n",
        OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
        OK + b"Content-Length: -1\r\n\r\n",
        OK + b"A: b\r\n\r\n".replace(b"\r\n", b"\n"),
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        OK + b"A: " + b"b" * 200 + b"\r\n\r\n",
        OK + b"A: b\r\n" * 101 + b"\r\n",
    ],
)
async def test_what_is_no_proper_response_is_refused(wire: bytes) -> None:
    response = exchange()

    assert not response.feed(wire)

    with pytest.raises(httpx.RemoteProtocolError):
        await response.wait_for_head()


async def test_a_head_that_never_ends_is_refused_before_the_parser_has_hoarded_it() -> None:
    response = exchange()

    assert response.feed(OK + b"A: ")
    assert not all(response.feed(b"x" * 50) for _ in range(10))


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("excess", [0, 1])
async def test_a_head_of_the_permitted_size_passes_and_a_larger_one_does_not(size: int, excess: int) -> None:
    interim = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    head = interim + OK + b"Transfer-Encoding: chunked\r\n"
    wire = head + b"A: ".ljust(200 - len(head + b"\r\n\r\n") + excess, b"b") + b"\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    response = exchange()

    is_taken = all(response.feed(wire[at : at + size]) for at in range(0, len(wire), size))

    assert is_taken is not bool(excess)
    if excess:
        with pytest.raises(httpx.RemoteProtocolError):
            await response.wait_for_head()
    else:
        assert await body_of(response) == b"hello"


async def test_a_second_response_condemns_the_connection_but_not_the_first() -> None:
    response = exchange()

    assert not response.feed((OK + b"Content-Length: 2\r\n\r\n{}") * 2)

    assert await body_of(response) == b"{}"
    assert not response.is_reusable


@pytest.mark.parametrize("end", [b"", b"2\r\nyo\r\n", b"0\r\n\r\n"], ids=["cut short", "with more", "complete"])
async def test_what_a_sink_refuses_stays_refused_whatever_came_with_it(end: bytes) -> None:
    sink = RefusingSink()
    response = exchange(sink)

    assert not response.feed(CHUNKED + b"5\r\nhello\r\n" + end)

    with pytest.raises(InferenceRefusedError):
        await response.next_chunk()
    assert len(sink.fed) == 1
