"""Tests which connections are kept, reused and waited for, and which requests are repeated."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.integration.adapters.chatcore_inference.inference_requests import text_of
from tests.integration.inference_server import (
    DONE,
    MODELS,
    STREAM_HEAD,
    Call,
    InferenceServer,
    answer,
    chunk,
    close,
    hang,
    in_turn,
    keep_alive,
    packets,
    reset,
    stream,
    token,
)

from chatcore.errors import (
    InferenceError,
    InferenceInterruptedError,
    InferenceRefusedError,
    InferenceTimeoutError,
    ModelsRefusedError,
)
from chatcore.ports import ModelsDocument
from chatcore_inference import InferenceClient, InferenceLimits, InferenceTimeouts

pytestmark = pytest.mark.usefixtures("reading")


@pytest.fixture
async def client(server: InferenceServer) -> AsyncIterator[InferenceClient]:
    limits = InferenceLimits(max_connections=2, max_answer_bytes=100_000)
    timeouts = InferenceTimeouts(queue_seconds=0.2, answer_seconds=0.3, ping_seconds=0.2)
    async with InferenceClient(server.base_url, "secret-key", limits=limits, timeouts=timeouts) as client:
        yield client


async def test_calls_one_after_the_other_share_a_connection(client: InferenceClient, server: InferenceServer) -> None:
    for _ in range(3):
        assert await text_of(client) == "Hello"
        assert (await client.list_models()).content == MODELS
        await client.ping()

    assert server.connections == 1


@pytest.mark.parametrize("end", [close, reset], ids=["FIN", "RST"])
async def test_a_connection_closed_by_the_service_is_replaced_by_a_fresh_one(
    client: InferenceClient, server: InferenceServer, end: object
) -> None:
    assert callable(end)
    await text_of(client)
    # The service takes the second request off the kept connection and closes it without a word.
    server.on("/generate", in_turn(end, stream(token("again"), DONE)))

    assert await text_of(client) == "again"

    assert server.connections == 2
    assert server.calls("/generate") == 3


async def test_a_restarted_service_is_no_error_for_the_next_call(
    client: InferenceClient, server: InferenceServer
) -> None:
    await text_of(client)
    await server.stop()
    await server.start()

    assert await text_of(client) == "Hello"


async def test_a_request_lost_on_a_fresh_connection_is_not_repeated(
    client: InferenceClient, server: InferenceServer
) -> None:
    server.on("/generate", close)

    with pytest.raises(InferenceInterruptedError):
        await text_of(client)

    assert server.calls("/generate") == 1


async def test_a_request_lost_twice_is_repeated_once(client: InferenceClient, server: InferenceServer) -> None:
    await text_of(client)
    server.on("/generate", close)

    with pytest.raises(InferenceInterruptedError):
        await text_of(client)

    assert server.calls("/generate") == 3


async def test_a_request_is_not_repeated_once_a_byte_of_its_response_has_come(
    client: InferenceClient, server: InferenceServer
) -> None:
    await text_of(client)
    server.on("/generate", packets(b"HTT", then=close))

    with pytest.raises(InferenceInterruptedError):
        await text_of(client)

    assert server.calls("/generate") == 2


async def test_whoever_finds_no_connection_free_waits_for_one(client: InferenceClient, server: InferenceServer) -> None:
    texts = await asyncio.gather(*(text_of(client) for _ in range(6)))

    assert texts == ["Hello"] * 6
    assert server.connections == 2


async def test_whoever_waits_too_long_for_a_connection_gives_up(
    client: InferenceClient, server: InferenceServer
) -> None:
    server.on("/generate", packets(STREAM_HEAD, chunk(token("a")), then=hang))
    busy = [asyncio.create_task(text_of(client)) for _ in range(2)]
    await server.until(lambda: server.calls("/generate") == 2)

    with pytest.raises(InferenceTimeoutError):
        await client.list_models()

    for task in busy:
        task.cancel()
    await asyncio.gather(*busy, return_exceptions=True)
    assert (await client.list_models()).status == 200


async def test_replies_that_break_or_are_cancelled_give_their_connections_back(
    client: InferenceClient, server: InferenceServer
) -> None:
    for script in (close, reset, packets(STREAM_HEAD, then=close), packets(STREAM_HEAD, then=hang), hang):
        server.on("/generate", script)
        reply = asyncio.create_task(text_of(client))
        calls = server.calls("/generate")
        await server.until(lambda calls=calls: server.calls("/generate") > calls)  # type: ignore[misc] # a default binds it
        if script is hang:
            reply.cancel()
        else:
            await asyncio.wait([reply], timeout=0.05)
            reply.cancel()
        await asyncio.gather(reply, return_exceptions=True)
    server.on("/generate", stream(token("Hello"), DONE))

    assert await asyncio.gather(*(text_of(client) for _ in range(4))) == ["Hello"] * 4


async def test_bytes_nobody_asked_for_close_the_connection(client: InferenceClient, server: InferenceServer) -> None:
    async def script(call: Call) -> None:
        await answer(200, b"{}")(call)
        await call.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nevil!")

    server.on("/models", script)
    assert (await client.list_models()).content == b"{}"
    await server.until(lambda: server.open_connections == 0)
    server.on("/models", answer(200, MODELS))

    assert (await client.list_models()).content == MODELS


async def test_a_second_response_in_the_same_packet_closes_the_connection(
    client: InferenceClient, server: InferenceServer
) -> None:
    response = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
    server.on("/models", packets(response + b"{}" + response + b"[]", then=hang))

    assert (await client.list_models()).content == b"{}"
    await server.until(lambda: server.open_connections == 0)


@pytest.mark.parametrize("status", [b"204 No Content", b"302 Found", b"503 Service Unavailable"])
async def test_a_connection_whose_response_was_no_stream_is_not_reused(
    client: InferenceClient, server: InferenceServer, status: bytes
) -> None:
    # Whatever else it says would be taken for the answer to the next request on that connection.
    refusal = packets(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n", then=keep_alive)
    server.on("/generate", in_turn(refusal, stream(token("again"), DONE)))
    with pytest.raises(InferenceRefusedError):
        await text_of(client)

    assert await text_of(client) == "again"

    assert server.connections == 2


async def test_models_and_swap_pass_on_whatever_came(client: InferenceClient, server: InferenceServer) -> None:
    server.on("/models/swap", answer(503, b'{"detail":"draining"}', "application/problem+json"))

    models = await client.list_models(trace_id="trace-1")
    with pytest.raises(ModelsRefusedError) as swap:
        await client.swap_model("eliza", trace_id="trace-2")

    assert models == ModelsDocument(content=MODELS)
    assert (swap.value.status, swap.value.media_type) == (503, "application/problem+json")
    assert swap.value.content == b'{"detail":"draining"}'
    assert [request.headers["x-trace-id"] for request in server.requests] == ["trace-1", "trace-2"]
    assert server.requests[1].json() == {"model_tag": "eliza"}


async def test_an_answer_that_drips_runs_into_its_timeout(client: InferenceClient, server: InferenceServer) -> None:
    async def script(call: Call) -> None:
        await call.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while True:
            await call.send(b" ")

    server.on("/models", script)

    with pytest.raises(InferenceTimeoutError):
        await client.list_models()
    await server.until(lambda: server.early_closes == 1)


async def test_an_answer_that_is_too_large_is_refused(client: InferenceClient, server: InferenceServer) -> None:
    server.on("/models", answer(200, b"x" * 100_000))
    assert len((await client.list_models()).content) == 100_000
    server.on("/models", answer(200, b"x" * 100_001))

    with pytest.raises(InferenceError):
        await client.list_models()


async def test_a_ping_is_glad_of_any_answer_but_wants_one(client: InferenceClient, server: InferenceServer) -> None:
    server.on("/models", answer(500, b"broken"))
    await client.ping()
    server.on("/models", hang)

    with pytest.raises(InferenceTimeoutError):
        await client.ping()


async def test_a_connection_that_is_idle_for_long_is_closed(
    client: InferenceClient, server: InferenceServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chatcore_inference.http.pool._IDLE_SECONDS", 0.05)
    await asyncio.gather(text_of(client), text_of(client))
    assert server.open_connections == 2

    await server.until(lambda: server.open_connections == 0)

    assert await text_of(client) == "Hello"


async def test_a_connection_that_has_been_idle_for_too_long_is_not_used(
    client: InferenceClient, server: InferenceServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await text_of(client)
    monkeypatch.setattr("chatcore_inference.http.pool._IDLE_SECONDS", 0.0)

    assert await text_of(client) == "Hello"

    assert server.connections == 2


async def test_a_connection_that_is_never_ready_times_out_and_is_closed(server: InferenceServer) -> None:
    # The server waits for a request, and for it the client's side of a TLS handshake is the beginning of one.
    timeouts = InferenceTimeouts(connect_seconds=0.1)
    https = server.base_url.replace("http:", "https:")
    async with InferenceClient(https, None, timeouts=timeouts) as client:
        with pytest.raises(InferenceTimeoutError):
            await client.list_models()
        await server.until(lambda: server.open_connections == 0)


async def test_a_call_cancelled_while_it_connects_leaves_nothing_behind(server: InferenceServer) -> None:
    limits = InferenceLimits(max_connections=1)
    async with InferenceClient(server.base_url.replace("http:", "https:"), None, limits=limits) as client:
        for number in (1, 2):
            call = asyncio.create_task(client.list_models())
            await server.until(lambda number=number: server.connections == number)  # type: ignore[misc] # a default binds it
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
        await server.until(lambda: server.open_connections == 0)
