"""Tests the ways in which an inference service breaks, over real sockets."""

import asyncio
from collections.abc import AsyncIterator
from typing import NoReturn

import pytest
from tests.integration.adapters.chatcore_inference.inference_requests import REQUEST, failure_of
from tests.integration.free_port import free_port
from tests.integration.inference_server import (
    CLOSE_DELIMITED_HEAD,
    DONE,
    LAST_CHUNK,
    STREAM_HEAD,
    InferenceServer,
    Script,
    answer,
    chunk,
    close,
    hang,
    packets,
    reset,
    token,
)

from chatcore.errors import (
    InferenceInterruptedError,
    InferenceKeyRefusedError,
    InferenceRefusedError,
    InferenceUnreachableError,
)
from chatcore.ports import Frame
from chatcore_inference import InferenceClient

pytestmark = pytest.mark.usefixtures("reading")


@pytest.fixture
async def client(server: InferenceServer) -> AsyncIterator[InferenceClient]:
    async with InferenceClient(server.base_url, "secret-key") as client:
        yield client


@pytest.mark.parametrize(
    "base_url", ["http://127.0.0.1:{port}", "http://host.invalid:{port}", "https://127.0.0.1:{port}"]
)
async def test_nobody_listens(base_url: str) -> None:
    async with InferenceClient(base_url.format(port=free_port()), None) as client:
        _, error = await failure_of(client)
        assert type(error) is InferenceUnreachableError
        with pytest.raises(InferenceUnreachableError):
            await client.list_models()
        with pytest.raises(InferenceUnreachableError):
            await client.ping()


async def test_a_service_that_does_not_speak_tls_is_unreachable_by_https() -> None:
    async def baffled(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(baffled, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        async with InferenceClient(f"https://127.0.0.1:{port}", None) as client:
            _, error = await failure_of(client)

    assert type(error) is InferenceUnreachableError


async def test_a_service_that_comes_back_within_a_moment_is_reached() -> None:
    server = InferenceServer()
    await server.start()
    await server.stop()
    async with InferenceClient(server.base_url, None) as client:
        reply = asyncio.create_task(client.generate(REQUEST, lambda _: None))
        await asyncio.sleep(0)
        try:
            await server.start()
            await reply
        finally:
            await server.stop()


@pytest.mark.parametrize("status", [204, 302, 400, 401, 429, 500, 503])
async def test_a_refusal_is_not_repeated_and_not_quoted(
    client: InferenceClient, server: InferenceServer, status: int
) -> None:
    body = b"" if status == 204 else b'{"detail":"secret-body"}'
    redirect = f"Location: {server.base_url}/elsewhere".encode()
    server.on("/generate", answer(status, body, "application/json", redirect))

    frames, error = await failure_of(client)

    assert frames == []
    assert type(error) is (InferenceKeyRefusedError if status == 401 else InferenceRefusedError)
    assert "secret" not in f"{error!r}{error.__cause__!r}"
    assert [request.path for request in server.requests] == ["/generate"]


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        STREAM_HEAD.replace(b"Cache-Control: no-cache", b"Content-Encoding: gzip"),
        b"HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
        b"SSH-2.0-OpenSSH_9\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 30_000,
        b"HTTP/1.1 103 Wait\r\nX: y\r\n\r\n" * 30_000,
    ],
    ids=["html", "no type", "gzip", "upgrade", "not http", "long header", "many headers", "endless interim"],
)
async def test_what_is_not_an_event_stream_is_refused(
    client: InferenceClient, server: InferenceServer, head: bytes
) -> None:
    server.on("/generate", packets(head, chunk(token("a")), chunk(DONE), LAST_CHUNK))

    frames, error = await failure_of(client)

    assert frames == []
    assert type(error) is InferenceRefusedError


@pytest.mark.parametrize("head", [STREAM_HEAD, CLOSE_DELIMITED_HEAD], ids=["chunked", "close-delimited"])
@pytest.mark.parametrize("end", [close, reset], ids=["FIN", "RST"])
@pytest.mark.parametrize("cut", range(4, len(token("é")) + 1, 5))
async def test_a_reply_that_breaks_off_keeps_its_whole_frames(
    client: InferenceClient, server: InferenceServer, head: bytes, end: Script, cut: int
) -> None:
    wrap = chunk if head == STREAM_HEAD else bytes
    server.on("/generate", packets(head, wrap(token("a")), wrap(token("é"))[:cut], then=end))

    frames, error = await failure_of(client)

    assert frames[0] == token("a")
    assert type(error) is InferenceInterruptedError


@pytest.mark.parametrize("end", [b"0\r\n\r\n", b"zz\r\n", b"5\r\nabc"], ids=["end", "bad chunk size", "short chunk"])
async def test_a_reply_that_ends_without_its_closing_frame_is_interrupted(
    client: InferenceClient, server: InferenceServer, end: bytes
) -> None:
    server.on("/generate", packets(STREAM_HEAD, chunk(token("a")), end))

    frames, error = await failure_of(client)

    assert frames[0] == token("a")
    assert type(error) is InferenceInterruptedError


async def test_an_endless_trailer_is_interrupted(client: InferenceClient, server: InferenceServer) -> None:
    server.on("/generate", packets(STREAM_HEAD, chunk(token("a")), b"0\r\nX: ", *[b"x" * 20_000] * 5, then=hang))

    _, error = await failure_of(client)

    assert type(error) is InferenceInterruptedError


@pytest.mark.parametrize("closing", [DONE, b'data: {"done":true}\r\r'], ids=["LF", "CR"])
async def test_a_break_after_the_closing_frame_is_no_error(
    client: InferenceClient, server: InferenceServer, closing: bytes
) -> None:
    server.on("/generate", packets(STREAM_HEAD, chunk(token("a")), chunk(closing), then=reset))

    await client.generate(REQUEST, lambda _: None)


async def test_a_cancelled_reply_closes_its_connection_at_once(
    client: InferenceClient, server: InferenceServer
) -> None:
    server.on("/generate", packets(STREAM_HEAD, chunk(token("a")), then=hang))
    has_begun = asyncio.Event()
    reply = asyncio.create_task(client.generate(REQUEST, lambda _: has_begun.set()))
    await has_begun.wait()

    reply.cancel()

    with pytest.raises(asyncio.CancelledError):
        await reply
    await server.until(lambda: server.early_closes == 1, seconds=0.5)


async def test_a_reply_cancelled_before_its_head_closes_its_connection(
    client: InferenceClient, server: InferenceServer
) -> None:
    server.on("/generate", hang)
    reply = asyncio.create_task(client.generate(REQUEST, lambda _: None))
    await server.until(lambda: server.calls("/generate") == 1)

    reply.cancel()

    with pytest.raises(asyncio.CancelledError):
        await reply
    await server.until(lambda: server.early_closes == 1, seconds=0.5)


async def test_what_the_callback_raises_ends_the_reply_and_is_raised(
    client: InferenceClient, server: InferenceServer
) -> None:
    server.on("/generate", packets(STREAM_HEAD, chunk(token("a")), chunk(token("b")), then=hang))
    seen: list[str | None] = []

    def on_frame(frame: Frame) -> NoReturn:
        seen.append(frame.token)
        raise LookupError("from the core")

    with pytest.raises(LookupError, match="from the core"):
        await client.generate(REQUEST, on_frame)

    assert seen == ["a"]
    await server.until(lambda: server.open_connections == 0)


async def test_a_client_that_closes_breaks_off_its_replies(server: InferenceServer) -> None:
    server.on("/generate", packets(STREAM_HEAD, chunk(token("a")), then=hang))
    has_begun = asyncio.Event()
    async with InferenceClient(server.base_url, None) as client:
        reply = asyncio.create_task(client.generate(REQUEST, lambda _: has_begun.set()))
        await has_begun.wait()

    with pytest.raises(InferenceInterruptedError):
        await reply
    await server.until(lambda: server.open_connections == 0)
