"""A refusal arrives although the caller is still sending, and the connection is closed soon after."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import uvloop
from tests.integration.entrypoints.chatcore_service.http_server import ALICE, LiveService, live_service

from chatcore_service.server.protocol import BoundedProtocol
from chatcore_service.server.unread_body import Patience

PATIENCE_SECONDS = 20
TIMES = 20

JSON = b"content-type: application/json\r\n"
POST = b"POST /api/conversations HTTP/1.1\r\nhost: x\r\n"
TOKEN = f"authorization: {ALICE['Authorization']}\r\n".encode()


@pytest.fixture
async def service() -> AsyncIterator[LiveService]:
    async with live_service() as service:
        yield service


def with_length(head: bytes, size: int) -> bytes:
    return head + b"content-length: %d\r\n\r\n" % size + b" " * size


def in_chunks(head: bytes, size: int) -> bytes:
    return head + b"transfer-encoding: chunked\r\n\r\n%x\r\n" % size + b" " * size + b"\r\n0\r\n\r\n"


def all_at_once(port: int, sent: bytes) -> bytes:
    """Returns the response to a client that writes everything before it reads."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS) as connection:
        connection.sendall(sent)
        return b"".join(_read(connection))


def _read(connection: socket.socket) -> Iterator[bytes]:
    while data := connection.recv(65536):
        yield data


async def send_for_ever(writer: asyncio.StreamWriter, piece: bytes, pause: float) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)


def document_of(response: bytes) -> dict[str, Any]:
    head, _, body = response.partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in head
    assert b"content-length: %d" % len(body) in head
    document: dict[str, Any] = json.loads(body)
    assert head.startswith(b"HTTP/1.1 %d " % document["status"])
    return document


@pytest.mark.parametrize("size", [262_145, 1_000_000, 10_000_000])
@pytest.mark.parametrize("framed", [with_length, in_chunks])
async def test_a_too_large_body_sent_at_once_is_refused_with_a_response(
    service: LiveService, framed: Callable[[bytes, int], bytes], size: int
) -> None:
    sent = framed(POST + TOKEN + JSON, size)

    for _ in range(TIMES):
        response = await asyncio.to_thread(all_at_once, service.port, sent)
        assert document_of(response)["code"] == "body_too_large"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET / HTTP/1.1\r\nx: " + b"a" * 5_000_000, 431),
        (b"GET /" + b"a" * 5_000_000, 431),
        (b"\x16\x03\x01" + b"a" * 5_000_000, 400),
        (POST + TOKEN + JSON + b"transfer-encoding: chunked\r\n\r\nzz\r\n" + b"a" * 5_000_000, 400),
        (with_length(POST + TOKEN + JSON + b"content-encoding: gzip\r\n", 5_000_000), 415),
    ],
)
async def test_a_caller_that_goes_on_sending_receives_the_refusal(
    service: LiveService, sent: bytes, status: int
) -> None:
    for _ in range(TIMES):
        response = await asyncio.to_thread(all_at_once, service.port, sent)
        assert document_of(response)["status"] == status


@pytest.mark.parametrize(
    ("head", "code"),
    [
        (TOKEN + b"content-type: application/zip\r\n", "unsupported_file_type"),
        (TOKEN + JSON, "unknown_format"),
        (JSON, "not_authenticated"),
    ],
)
async def test_a_caller_that_sends_all_of_a_large_file_receives_the_refusal(
    service: LiveService, head: bytes, code: str
) -> None:
    sent = with_length(b"POST /api/import HTTP/1.1\r\nhost: x\r\nconnection: close\r\n" + head, 100_000_000).replace(
        b" " * 64, b"x" * 64
    )

    assert document_of(await asyncio.to_thread(all_at_once, service.port, sent))["code"] == code


def test_a_refusal_arrives_on_uvloop_too() -> None:
    async def refuse() -> None:
        async with live_service() as service:
            for sent in (with_length(POST + TOKEN + JSON, 10_000_000), b"GET /" + b"a" * 5_000_000):
                for _ in range(TIMES):
                    assert document_of(await asyncio.to_thread(all_at_once, service.port, sent))
            await service.connections_to_close()

    uvloop.run(refuse())


@pytest.mark.parametrize(
    ("head", "status"),
    [(POST + JSON, 401), (POST.replace(b"conversations", b"nothing") + TOKEN, 404)],
)
async def test_a_connection_is_reusable_after_an_unread_body(service: LiveService, head: bytes, status: int) -> None:
    reader, writer = await service.connect()
    async with asyncio.timeout(PATIENCE_SECONDS):
        for _ in range(3):
            writer.write(with_length(head, 1_000_000))
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 %d " % status)
            await reader.readuntil(b"}")
    writer.close()


async def test_a_refusal_precedes_a_body_that_waits_for_100_continue(service: LiveService) -> None:
    reader, writer = await service.connect()
    writer.write(POST + TOKEN + JSON + b"expect: 100-continue\r\ncontent-length: 10000000\r\n\r\n")

    async with asyncio.timeout(1):
        assert (await reader.readuntil(b"\r\n")) == b"HTTP/1.1 413 Request Entity Too Large\r\n"
        assert (await reader.read()).endswith(b"}")
    writer.close()


SHORT = Patience(silent_seconds=0.1, seconds=0.5, max_bytes=1_000_000)


@pytest.fixture
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BoundedProtocol, "patience", SHORT)


UNFINISHED = [
    POST + TOKEN + JSON + b"content-length: 10000000\r\n\r\n",
    POST + JSON + b"content-length: 10000000\r\n\r\n",
    b"GET / HTTP/1.1\r\nx: " + b"a" * 20_000,
]


@pytest.mark.usefixtures("impatience")
@pytest.mark.parametrize("begun", UNFINISHED)
async def test_a_caller_that_falls_silent_is_not_waited_for(service: LiveService, begun: bytes) -> None:
    reader, writer = await service.connect()
    writer.write(begun)

    async with asyncio.timeout(PATIENCE_SECONDS):
        assert await reader.read()
        await service.connections_to_close()
    writer.close()


@pytest.mark.usefixtures("impatience")
@pytest.mark.parametrize("begun", UNFINISHED)
@pytest.mark.parametrize(("piece", "pause"), [(b"a", 0.01), (b"a" * 100_000, 0.0)])
async def test_a_caller_that_never_stops_sending_is_disconnected(
    service: LiveService, begun: bytes, piece: bytes, pause: float
) -> None:
    _, writer = await service.connect()
    writer.write(begun)

    with pytest.raises(ConnectionError):
        await send_for_ever(writer, piece, pause)
    await service.connections_to_close()


@pytest.mark.usefixtures("impatience")
async def test_a_connection_is_not_kept_forever_after_an_unread_body(
    service: LiveService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service.server.config.http_protocol_class, "keep_alive_seconds", 0.1)
    reader, writer = await service.connect()
    writer.write(POST + JSON + b"content-length: 2\r\n\r\n")
    async with asyncio.timeout(PATIENCE_SECONDS):
        await reader.readuntil(b"}")
        writer.write(b"{}")
        assert await reader.read() == b""
    writer.close()


async def test_a_shutdown_does_not_wait_for_an_unread_body(service: LiveService) -> None:
    reader, writer = await service.connect()
    writer.write(UNFINISHED[0])

    async with asyncio.timeout(PATIENCE_SECONDS):
        await reader.read()
        for connection in tuple(service.server.server_state.connections):
            connection.shutdown()
        async with asyncio.timeout(1):
            await service.connections_to_close()
    writer.close()
