"""Tests replies over TLS and over uvloop, the event loop of production."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import uvloop
from tests.integration.adapters.chatcore_inference.inference_requests import REQUEST, text_of
from tests.integration.inference_server import (
    DONE,
    STREAM_HEAD,
    InferenceServer,
    chunk,
    close,
    hang,
    in_turn,
    packets,
    reset,
    stream,
    token,
)

from chatcore.errors import InferenceInterruptedError, InferenceUnreachableError
from chatcore_inference import InferenceClient

# A key for this server alone, with a certificate for 127.0.0.1 that nobody else trusts.
CERTIFICATE = Path(__file__).with_name("inference_tls.pem")
LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}


def tls_server() -> InferenceServer:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return InferenceServer(tls=context)


async def kept_connection(client: InferenceClient, server: InferenceServer) -> None:
    assert [await text_of(client), await text_of(client)] == ["Hello", "Hello"]
    assert server.connections == 1


async def connection_made_ahead(client: InferenceClient, server: InferenceServer) -> None:
    server.on("/generate", packets(STREAM_HEAD, chunk(token("a")), then=hang))
    replies = [asyncio.create_task(text_of(client)) for _ in range(2)]
    await server.until(lambda: server.calls("/generate") == 2 and server.connections == 3)
    server.on("/generate", stream(token("Hello"), DONE))
    assert await text_of(client) == "Hello"
    await server.until(lambda: server.connections == 4)
    await client.close()
    await asyncio.wait(replies)
    assert all(isinstance(reply.exception(), InferenceInterruptedError) for reply in replies)


async def stale_connection(client: InferenceClient, server: InferenceServer) -> None:
    await text_of(client)
    server.on("/generate", in_turn(reset, stream(token("again"), DONE)))
    assert await text_of(client) == "again"


async def broken_reply(client: InferenceClient, server: InferenceServer) -> None:
    for end in (close, reset):
        server.on("/generate", packets(STREAM_HEAD, chunk(token("a")), then=end))
        with pytest.raises(InferenceInterruptedError):
            await text_of(client)


async def cancelled_reply(client: InferenceClient, server: InferenceServer) -> None:
    server.on("/generate", packets(STREAM_HEAD, chunk(token("a")), then=hang))
    has_begun = asyncio.Event()
    reply = asyncio.create_task(client.generate(REQUEST, lambda _: has_begun.set()))
    await has_begun.wait()
    reply.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reply
    await server.until(lambda: server.early_closes == 1, seconds=0.5)


async def refused_connection(client: InferenceClient, server: InferenceServer) -> None:
    await text_of(client)
    await server.stop()
    with pytest.raises(InferenceUnreachableError):
        await text_of(client)


Scene = Callable[[InferenceClient, InferenceServer], Awaitable[None]]
SCENES: list[Scene] = [
    kept_connection,
    connection_made_ahead,
    stale_connection,
    broken_reply,
    cancelled_reply,
    refused_connection,
]


@pytest.mark.parametrize("is_tls", [False, True], ids=["plain", "TLS"])
@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("scene", SCENES)
def test_every_loop_plays_every_scene(scene: Scene, loop: str, *, is_tls: bool) -> None:
    async def play() -> None:
        trust = ssl.create_default_context(cafile=CERTIFICATE) if is_tls else None
        server = tls_server() if is_tls else InferenceServer()
        async with server, InferenceClient(server.base_url, "key", ssl_context=trust) as client:
            await scene(client, server)

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(play())


async def test_a_certificate_that_nobody_vouches_for_is_as_good_as_no_service() -> None:
    async with tls_server() as server, InferenceClient(server.base_url, "secret-key") as client:
        with pytest.raises(InferenceUnreachableError):
            await text_of(client)

        assert server.requests == []
