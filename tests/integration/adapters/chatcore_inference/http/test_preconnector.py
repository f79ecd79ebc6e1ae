"""Tests the connection that is opened ahead of its use while several are open."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest
from tests.integration.adapters.chatcore_inference.inference_requests import text_of
from tests.integration.inference_server import (
    DONE,
    STREAM_HEAD,
    Call,
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

from chatcore.errors import InferenceInterruptedError
from chatcore_inference import InferenceClient, InferenceLimits
from chatcore_inference.http.connection import Connection
from chatcore_inference.http.origin import Origin
from chatcore_inference.http.pool import Pool

pytestmark = pytest.mark.usefixtures("reading")

Replies = Callable[[int], Awaitable[None]]
HELLO = stream(token("Hello"), DONE)


@pytest.fixture
async def client(server: InferenceServer) -> AsyncIterator[InferenceClient]:
    async with InferenceClient(server.base_url, None, limits=InferenceLimits(max_connections=4)) as client:
        yield client


@pytest.fixture
async def begin(client: InferenceClient, server: InferenceServer) -> AsyncIterator[Replies]:
    """Returns a function that begins so many replies that do not end."""
    replies: list[asyncio.Task[str]] = []

    async def begin(count: int) -> None:
        server.on("/generate", packets(STREAM_HEAD, chunk(token("a")), then=hang))
        wanted = server.calls("/generate") + count
        replies.extend(asyncio.create_task(text_of(client)) for _ in range(count))
        await server.until(lambda: server.calls("/generate") == wanted)

    yield begin
    for reply in replies:
        reply.cancel()
    await asyncio.gather(*replies, return_exceptions=True)


async def begin_two_and_wait(begin: Replies, server: InferenceServer) -> None:
    """Begins two replies and waits for a connection beside theirs."""
    await begin(2)
    await server.until(lambda: server.connections == 3)


async def test_nobody_connects_before_something_is_asked(client: InferenceClient, server: InferenceServer) -> None:
    assert server.connections == 0
    await text_of(client)

    assert server.connections == 1


async def test_while_replies_come_a_connection_is_there_for_the_next_one(
    begin: Replies, server: InferenceServer
) -> None:
    await begin_two_and_wait(begin, server)

    await begin(1)
    await server.until(lambda: server.connections == 4)

    assert server.calls("/generate") == 3


async def test_no_more_connections_than_allowed_are_made(begin: Replies, server: InferenceServer) -> None:
    await begin(2)
    await begin(1)
    await server.until(lambda: server.connections == 4)
    await begin(1)

    assert server.connections == 4
    assert server.calls("/generate") == 4


async def test_none_is_opened_if_another_becomes_idle_first(server: InferenceServer) -> None:
    origin = Origin.of(httpx.URL(server.base_url))
    pool = Pool(max_connections=2, max_header_bytes=1000, ssl_context=None)

    async def acquire() -> Connection:
        return await pool.acquire(origin, connect_seconds=5, queue_seconds=5, fresh=False)

    async def ask(connection: Connection) -> None:
        exchange = connection.begin(b"GET /models HTTP/1.1\r\nHost: test\r\n\r\n", None)
        await exchange.wait_for_head()
        while await exchange.next_chunk():
            pass

    first = await acquire()
    await ask(first)
    second = await acquire()
    # The second caller found all connections in use and wants one opened ahead; before that begins, this one is idle.
    first.end()
    await ask(second)
    second.end()
    third = await acquire()
    await ask(third)
    await pool.close()

    assert server.connections == 2


async def test_it_serves_whatever_is_asked_next(
    client: InferenceClient, begin: Replies, server: InferenceServer
) -> None:
    await begin_two_and_wait(begin, server)

    for _ in range(3):
        await client.list_models()

    # The first call took the idle connection, so another was opened; each further call reused the first one's.
    await server.until(lambda: server.connections == 4)


@pytest.mark.parametrize("end", [close, reset], ids=["FIN", "RST"])
async def test_a_preconnected_connection_that_was_closed_is_replaced(
    client: InferenceClient, begin: Replies, server: InferenceServer, end: Callable[[Call], Awaitable[None]]
) -> None:
    await begin_two_and_wait(begin, server)
    server.on("/generate", in_turn(end, HELLO))

    assert await text_of(client) == "Hello"

    assert server.calls("/generate") == 4


async def test_a_request_that_is_lost_on_the_fresh_one_too_is_lost(
    client: InferenceClient, begin: Replies, server: InferenceServer
) -> None:
    await begin_two_and_wait(begin, server)
    server.on("/generate", close)

    with pytest.raises(InferenceInterruptedError):
        await text_of(client)

    assert server.calls("/generate") == 4


async def test_a_service_that_refuses_is_left_alone_until_the_next_call(
    client: InferenceClient, begin: Replies, server: InferenceServer
) -> None:
    await begin_two_and_wait(begin, server)
    server.refuse()
    await begin(1)
    await server.start()

    async with InferenceClient(server.base_url, None) as bystander:
        await bystander.list_models()
    assert server.connections == 3 + 1

    await client.list_models()
    assert server.connections == 3 + 2


async def test_one_that_nobody_wants_is_closed_after_a_while(
    begin: Replies, server: InferenceServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chatcore_inference.http.pool._IDLE_SECONDS", 0.05)
    await begin_two_and_wait(begin, server)

    await server.until(lambda: server.open_connections == 2)


async def test_closing_the_client_closes_them_all(server: InferenceServer) -> None:
    server.on("/generate", packets(STREAM_HEAD, chunk(token("a")), then=hang))
    async with InferenceClient(server.base_url, None) as client:
        replies = [asyncio.create_task(text_of(client)) for _ in range(2)]
        await server.until(lambda: server.connections == 3)

    await asyncio.wait(replies)
    assert all(isinstance(reply.exception(), InferenceInterruptedError) for reply in replies)
    await server.until(lambda: server.open_connections == 0)
