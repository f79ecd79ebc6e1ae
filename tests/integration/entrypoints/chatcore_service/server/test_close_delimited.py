"""HTTP/1.0 is answered without chunks, and the end of the connection ends the body."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from tests.integration.entrypoints.chatcore_service.http_server import ALICE, PAUSED, LiveService, live_service

from chatcore_memory import DONE_FRAME, token_frame

PATIENCE_SECONDS = 10

AUTHORIZATION = f"authorization: {ALICE['Authorization']}\r\n".encode()
STREAM = token_frame("Hel") + token_frame("lo") + DONE_FRAME


@pytest.fixture
async def service() -> AsyncIterator[LiveService]:
    async with live_service() as service:
        yield service


async def exchange(service: LiveService, line: bytes, headers: bytes = b"", body: bytes = b"") -> tuple[bytes, bytes]:
    """Sends a request in HTTP/1.0; returns the head and the body of everything that arrives."""
    reader, writer = await service.connect()
    writer.write(line + b" HTTP/1.0\r\n" + AUTHORIZATION + headers + b"\r\n" + body)
    async with asyncio.timeout(PATIENCE_SECONDS):
        head, _, rest = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    assert b"\r\nconnection: close" in head.lower()
    assert b"transfer-encoding" not in head.lower()
    return head, rest


def json_headers(body: bytes) -> bytes:
    return b"content-type: application/json\r\ncontent-length: %d\r\n" % len(body)


@pytest.mark.parametrize("headers", [b"", b"connection: keep-alive\r\n"])
async def test_a_response_with_a_length_keeps_it(service: LiveService, headers: bytes) -> None:
    head, body = await exchange(service, b"GET /api/conversations", headers)

    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"content-length: %d" % len(body) in head.lower()
    assert json.loads(body)["items"] == []


async def test_a_new_reply_is_sent_plainly(service: LiveService) -> None:
    service.inference.play(*(part for part in PAUSED if isinstance(part, bytes)))
    body = b'{"content":"hi"}'
    head, stream = await exchange(
        service, f"POST {await service.conversation()}/messages".encode(), json_headers(body), body
    )

    assert b"content-type: text/event-stream" in head
    assert stream == STREAM


async def test_a_reply_in_the_making_is_sent_plainly_as_it_comes(service: LiveService) -> None:
    service.inference.play(*PAUSED)
    reader, writer = await service.connect()
    writer.write(f"GET {await service.begin()} HTTP/1.0\r\n".encode() + AUTHORIZATION + b"\r\n")
    async with asyncio.timeout(PATIENCE_SECONDS):
        head = await reader.readuntil(b"\r\n\r\n")
        first = await reader.readuntil(b'"Hel"}\n\n')
        service.inference.release()
        rest = await reader.read()
    writer.close()

    assert b"transfer-encoding" not in head.lower()
    assert (first, rest) == (
        b'id: 3\ndata: {"token":"Hel"}\n\n',
        b'id: 5\ndata: {"token":"lo"}\n\nid: 5-end\n' + DONE_FRAME,
    )


async def test_a_disconnect_ends_the_stream(service: LiveService) -> None:
    service.inference.play(*PAUSED)
    _, writer = await service.connect()
    writer.write(f"GET {await service.begin()} HTTP/1.0\r\n".encode() + AUTHORIZATION + b"\r\n")
    await service.streams_to_open(1)

    writer.transport.abort()
    await service.open_streams_to_end()


async def test_a_head_request_has_no_body(service: LiveService) -> None:
    head, body = await exchange(service, b"HEAD /api/conversations")

    assert head.startswith(b"HTTP/1.1 200 ")
    assert body == b""


async def test_no_interim_response_is_sent(service: LiveService) -> None:
    body = b'{"title":"x"}'
    head, _ = await exchange(
        service, b"POST /api/conversations", b"expect: 100-continue\r\n" + json_headers(body), body
    )

    assert head.startswith(b"HTTP/1.1 201 ")


async def test_a_chunked_request_is_refused(service: LiveService) -> None:
    head, body = await exchange(
        service, b"POST /api/conversations", b"transfer-encoding: chunked\r\n", b"2\r\n{}\r\n0\r\n\r\n"
    )

    assert head.startswith(b"HTTP/1.1 400 ")
    assert json.loads(body)["code"] == "malformed_http"
