"""Requests whose end can be seen in two places: one is seen, and nothing behind it is taken for another request.

Neither by the service itself, nor behind a proxy that sees another end.
"""

import pytest

from tests.integration.bad_input.service import Service
from tests.integration.bad_input.wire import answer_to, answers, request
from tests.integration.known_users import BOB, ROOT

pytestmark = pytest.mark.asyncio(loop_scope="session")

# What an attacker would have taken for the next request, on the connection of somebody else.
SMUGGLED = request("POST", "/api/conversations", [*BOB.items(), ("content-length", "0")])
CHUNKED_END = b"0\r\n\r\n"


def post(*lines: bytes, body: bytes) -> bytes:
    start = b"POST /api/conversations HTTP/1.1\r\n"
    token = b"authorization: " + ROOT["Authorization"].encode()
    # No media type: a body that is read as it should be is refused all the same.
    return start + b"".join(line + b"\r\n" for line in (b"host: x", token, *lines)) + b"\r\n" + body


def sized(length: bytes) -> bytes:
    return post(b"content-length: " + length, body=b"{}" + SMUGGLED)


def coded(coding: bytes) -> bytes:
    return post(b"transfer-encoding: " + coding, body=b"2\r\n{}\r\n" + CHUNKED_END + SMUGGLED)


def chunk(size: bytes, data: bytes = b"{}", end: bytes = b"\r\n") -> bytes:
    return post(b"transfer-encoding: chunked", body=size + b"\r\n" + data + end + CHUNKED_END + SMUGGLED)


SHAPES = {
    "CL.TE": post(
        b"content-length: %d" % len(CHUNKED_END + SMUGGLED),
        b"transfer-encoding: chunked",
        body=CHUNKED_END + SMUGGLED,
    ),
    "TE.CL": post(b"transfer-encoding: chunked", b"content-length: 4", body=b"2\r\n{}\r\n" + CHUNKED_END + SMUGGLED),
    "CL.0": post(b"content-length: 0", b"content-length: %d" % len(SMUGGLED), body=SMUGGLED),
    "two lengths": post(b"content-length: 2", b"content-length: 3", body=b"{}" + SMUGGLED),
    "two lengths in one": sized(b"2, 3"),
    "the same length twice in one": sized(b"2, 2"),
    "length with a plus": sized(b"+2"),
    "length below nothing": sized(b"-2"),
    "length in hexadecimal": sized(b"0x2"),
    "length with a point": sized(b"2.0"),
    "length with a space within": sized(b"2 2"),
    "length of another script": sized("\u0662".encode()),
    "length past 64 bits": sized(b"18446744073709551618"),
    "empty length": sized(b""),
    "space before the colon": post(b"content-length : 2", body=b"{}" + SMUGGLED),
    "U+0000 in the name": post(b"content-length\x00: 2", body=b"{}" + SMUGGLED),
    "space before the name": post(b" content-length: 2", body=b"{}" + SMUGGLED),
    "coding before the colon": post(b"transfer-encoding : chunked", body=CHUNKED_END + SMUGGLED),
    "coding twice": post(b"transfer-encoding: chunked", b"transfer-encoding: identity", body=CHUNKED_END + SMUGGLED),
    "unknown coding": coded(b"xchunked"),
    "chunked and more": coded(b"chunked, identity"),
    "more and chunked": coded(b"identity, chunked"),
    "gzip and chunked": coded(b"gzip, chunked"),
    "chunked twice": coded(b"chunked, chunked"),
    "chunked and U+0000": coded(b"chunked\x00"),
    "chunked and a vertical tab": coded(b"\x0bchunked"),
    "chunked in quotes": coded(b'"chunked"'),
    "chunked, folded": coded(b"\r\n chunked"),
    "chunked over a line feed": post(b"x: y\ntransfer-encoding: chunked", body=CHUNKED_END + SMUGGLED),
    "size that is none": chunk(b"zz"),
    "size below nothing": chunk(b"-2"),
    "size with a plus": chunk(b"+2"),
    "size with a prefix": chunk(b"0x2"),
    "size with a space before": chunk(b" 2"),
    "size past 64 bits": chunk(b"10000000000000002"),
    "empty size": chunk(b""),
    "extension over a line feed": chunk(b"2;a\nb"),
    "extension of 300 kilobytes": chunk(b"2;" + b"a" * 300_000),
    "chunk longer than its size": chunk(b"2", b"{}{}"),
    "chunk without its end": chunk(b"2", b"{}", b""),
    "chunk that ends in a line feed": chunk(b"2", b"{}", b"\n"),
    "trailers of 300 kilobytes": post(
        b"transfer-encoding: chunked", body=b"0\r\n" + b"x: y\r\n" * 50_000 + b"\r\n" + SMUGGLED
    ),
    "line feeds only": post(body=b"").replace(b"\r\n", b"\n") + SMUGGLED,
    "carriage returns only": post(body=b"").replace(b"\r\n", b"\r") + SMUGGLED,
    "end of headers in line feeds": post(b"content-length: 2", body=b"").rstrip(b"\r\n") + b"\n\n{}" + SMUGGLED,
    "header without a colon": post(b"content-length", body=b"{}" + SMUGGLED),
    "header without a name": post(b": x", body=b"{}" + SMUGGLED),
}


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.usefixtures("nothing_is_stored")
async def test_a_request_that_ends_in_two_places_is_refused_and_the_connection_closed(
    service: Service, name: str
) -> None:
    found = await answers(service.base_url, SHAPES[name])

    assert [answer.status for answer in found] in ([400], [431], [415]), found
    assert found[0].headers["connection"] == "close"


@pytest.mark.nginx
@pytest.mark.parametrize("name", SHAPES)
async def test_the_service_sees_no_request_that_the_proxy_before_it_does_not_see(
    service: Service, proxy_url: str, name: str
) -> None:
    before = len((await service.rows())["conversations"])

    found = await answers(proxy_url, SHAPES[name])
    # Where the proxy itself takes what is smuggled for a request, it is one, and has an answer of its own.
    made = [answer for answer in found if answer.status == 201]
    assert len((await service.rows())["conversations"]) == before + len(made)
    # What the service says is no error of its own, and the connection that the proxy keeps is still in step.
    assert all(answer.status < 500 for answer in found if "x-trace-id" in answer.headers)
    after = await answer_to(proxy_url, request("GET", "/api/health", [("x-trace-id", "somebody-else")]))
    assert (after.status, after.headers["x-trace-id"]) == (200, "somebody-else")
