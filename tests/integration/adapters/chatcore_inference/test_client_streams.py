"""Tests replies that go well, over real sockets."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.integration.inference_server import (
    CLOSE_DELIMITED_HEAD,
    DONE,
    LAST_CHUNK,
    STREAM_HEAD,
    Call,
    InferenceServer,
    chunk,
    hang,
    keep_alive,
    packets,
    stream,
    token,
)

from chatcore.conversations.history import HistoryMessage
from chatcore.conversations.message import Role
from chatcore.ports import Frame, InferenceRequest
from chatcore.replies.sampling import Sampling
from chatcore_inference import InferenceClient

pytestmark = pytest.mark.usefixtures("reading")

REQUEST = InferenceRequest(
    messages=(
        HistoryMessage(Role.USER, "Hi"),
        HistoryMessage(Role.ASSISTANT, "Yes?"),
        HistoryMessage(Role.USER, "ü\u2028"),
    ),
    sampling=Sampling(temperature=0.5, max_tokens=7, top_k=3),
    user_id="user-1",
    trace_id="trace-1",
)
HELLO = [token("Hel"), token("lo"), DONE]


@pytest.fixture
async def client(server: InferenceServer) -> AsyncIterator[InferenceClient]:
    async with InferenceClient(server.base_url, "secret-key") as client:
        yield client


async def frames_of(client: InferenceClient, request: InferenceRequest = REQUEST) -> list[Frame]:
    frames: list[Frame] = []
    await client.generate(request, frames.append)
    return frames


async def test_a_reply_arrives_frame_by_frame_and_byte_for_byte(client: InferenceClient) -> None:
    frames = await frames_of(client)

    assert [frame.raw for frame in frames] == HELLO
    assert [frame.token for frame in frames] == ["Hel", "lo", None]
    assert [frame.is_closing for frame in frames] == [False, False, True]


async def test_the_service_is_asked_as_the_contract_says(client: InferenceClient, server: InferenceServer) -> None:
    await frames_of(client)

    request = server.requests[0]
    assert (request.method, request.path) == ("POST", "/generate")
    assert request.json() == {
        "messages": [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "Yes?"},
            {"role": "user", "content": "ü\u2028"},
        ],
        "temperature": 0.5,
        "max_tokens": 7,
        "top_k": 3,
    }
    assert request.headers["x-internal-api-key"] == "secret-key"
    assert request.headers["x-trace-id"] == "trace-1"
    assert request.headers["x-user-id"] == "user-1"
    assert request.headers["accept-encoding"] == "identity"
    assert request.headers["accept"] == "text/event-stream"
    assert request.headers["content-type"] == "application/json"


async def test_frames_are_handed_on_while_the_reply_is_still_being_made(
    client: InferenceClient, server: InferenceServer
) -> None:
    may_go_on = asyncio.Event()

    async def script(call: Call) -> None:
        await call.send(STREAM_HEAD, chunk(token("first")))
        await may_go_on.wait()
        await call.send(chunk(DONE), LAST_CHUNK)

    server.on("/generate", script)
    tokens: list[str | None] = []

    def on_frame(frame: Frame) -> None:
        tokens.append(frame.token)
        may_go_on.set()

    await client.generate(REQUEST, on_frame)

    assert tokens == ["first", None]


@pytest.mark.parametrize("size", [1, 2, 3, 7])
async def test_frames_are_the_same_however_the_packets_are_cut(
    client: InferenceClient, server: InferenceServer, size: int
) -> None:
    body = b"".join([b": hello\r\n\r\n", token("Grüße 🎉"), b"data: not JSON\r\n\r\n", DONE])
    wire = STREAM_HEAD + chunk(body[:20]) + chunk(body[20:]) + LAST_CHUNK
    server.on("/generate", packets(*(wire[i : i + size] for i in range(0, len(wire), size)), then=keep_alive))

    frames = await frames_of(client)

    assert b"".join(frame.raw for frame in frames) == body
    assert [frame.token for frame in frames] == [None, "Grüße 🎉", None, None]


async def test_a_body_that_ends_with_the_connection_is_a_body(client: InferenceClient, server: InferenceServer) -> None:
    server.on("/generate", packets(CLOSE_DELIMITED_HEAD, *HELLO))

    assert [frame.raw for frame in await frames_of(client)] == HELLO


async def test_http_1_0_will_do(client: InferenceClient, server: InferenceServer) -> None:
    server.on("/generate", packets(b"HTTP/1.0 200 OK\r\nContent-Type: text/event-stream\r\n\r\n", *HELLO))

    assert [frame.raw for frame in await frames_of(client)] == HELLO


async def test_interim_responses_and_trailers_are_read_over(client: InferenceClient, server: InferenceServer) -> None:
    interim = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    end = chunk(b"".join(HELLO)) + b"0\r\nX-Checksum: 1\r\n\r\n"
    server.on("/generate", packets(interim, interim + STREAM_HEAD, end, then=keep_alive))

    assert [frame.raw for frame in await frames_of(client)] == HELLO
    assert [frame.raw for frame in await frames_of(client)] == HELLO
    assert server.connections == 1


async def test_the_reply_is_over_with_the_closing_frame_though_the_body_is_not(
    client: InferenceClient, server: InferenceServer
) -> None:
    server.on("/generate", packets(STREAM_HEAD, *map(chunk, HELLO), then=hang))

    async with asyncio.timeout(5):
        assert [frame.raw for frame in await frames_of(client)] == HELLO


async def test_a_connection_whose_last_chunk_comes_late_serves_again(
    client: InferenceClient, server: InferenceServer
) -> None:
    may_end = asyncio.Event()

    async def script(call: Call) -> None:
        await call.send(STREAM_HEAD, *map(chunk, HELLO))
        await may_end.wait()
        await call.send(chunk(b"data: what comes after the end\n\n"), LAST_CHUNK)

    server.on("/generate", script)
    await frames_of(client)
    may_end.set()
    server.on("/generate", stream(*HELLO))
    await asyncio.sleep(0.05)  # The late chunk has to arrive; nothing the test could look at tells when.

    assert [frame.raw for frame in await frames_of(client)] == HELLO
    assert server.connections == 1


async def test_a_connection_whose_last_chunk_never_comes_is_closed(
    client: InferenceClient, server: InferenceServer
) -> None:
    server.on("/generate", packets(STREAM_HEAD, *map(chunk, HELLO), then=hang))

    await frames_of(client)
    await server.until(lambda: server.open_connections == 0)

    assert server.early_closes == 1


async def test_what_follows_the_closing_frame_is_ignored(client: InferenceClient, server: InferenceServer) -> None:
    late = chunk(DONE + token("late") + DONE)
    server.on("/generate", packets(STREAM_HEAD + chunk(token("a")) + late + b"not a chunk size\r\n"))

    assert [frame.raw for frame in await frames_of(client)] == [token("a"), DONE]


async def test_a_byte_order_mark_belongs_to_the_first_frame(client: InferenceClient, server: InferenceServer) -> None:
    server.on("/generate", stream(b"\xef\xbb\xbf" + token("a"), DONE))

    frames = await frames_of(client)

    assert [(frame.raw, frame.token) for frame in frames] == [(b"\xef\xbb\xbf" + token("a"), "a"), (DONE, None)]


async def test_a_closing_frame_that_ends_with_cr_is_complete_at_the_end(
    client: InferenceClient, server: InferenceServer
) -> None:
    closing = b'data: {"done":true}\r\r'
    server.on("/generate", stream(token("a"), closing))

    assert [frame.raw for frame in await frames_of(client)] == [token("a"), closing]


async def test_hundreds_of_replies_at_once_stay_apart(client: InferenceClient, server: InferenceServer) -> None:
    async def echo(call: Call) -> None:
        user = call.request.headers["x-user-id"]
        await call.send(STREAM_HEAD, *(chunk(token(f"{user} {n}")) for n in range(3)), chunk(DONE) + LAST_CHUNK)

    server.on("/generate", echo)

    async def tokens_of(user: str) -> list[str | None]:
        request = InferenceRequest(messages=REQUEST.messages, sampling=REQUEST.sampling, user_id=user)
        return [frame.token for frame in await frames_of(client, request)]

    users = [f"user-{n}" for n in range(300)]
    replies = await asyncio.gather(*map(tokens_of, users))

    assert replies == [[f"{user} 0", f"{user} 1", f"{user} 2", None] for user in users]


async def test_a_user_id_goes_along_percent_encoded_where_a_header_cannot_hold_it(
    client: InferenceClient, server: InferenceServer
) -> None:
    request = InferenceRequest(messages=REQUEST.messages, sampling=REQUEST.sampling, user_id="a|b c\r\nx-admin: 1%ü")

    await frames_of(client, request)

    assert server.requests[0].headers["x-user-id"] == "a|b%20c%0D%0Ax-admin:%201%25%C3%BC"
    assert "x-trace-id" not in server.requests[0].headers
