"""Streams over a real uvicorn and real sockets."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from tests.integration.entrypoints.chatcore_service.http_server import (
    ALICE,
    BOB,
    PAUSED,
    LiveService,
    live_service,
    settings_with_streams,
)
from tests.integration.faults.waiting import eventually

from chatcore import User
from chatcore.errors import InferenceTimeoutError
from chatcore_memory import DONE_FRAME, PAUSE, token_frame

# A test that hangs fails instead of blocking the others.
PATIENCE_SECONDS = 10


@pytest.fixture
async def service() -> AsyncIterator[LiveService]:
    async with live_service() as service:
        yield service


class Stream:
    """Reads a stream piece by piece."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.received = b""
        self._parts = response.aiter_raw()

    async def until(self, end: bytes) -> bytes:
        """Returns everything received, once it has the given ending."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not self.received.endswith(end):
                self.received += await anext(self._parts)
        return self.received

    async def rest(self) -> bytes:
        """Returns everything, once the stream has ended."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            async for part in self._parts:
                self.received += part
        return self.received


async def test_frames_arrive_one_by_one_as_they_are_sent(service: LiveService) -> None:
    service.inference.play(token_frame("a"), PAUSE, b"data: \xff\r\n\r\n", PAUSE, DONE_FRAME)
    path = f"{await service.conversation()}/messages"

    async with service.client.stream("POST", path, json={"content": "hi"}, headers=ALICE) as response:
        stream = Stream(response)
        await stream.until(token_frame("a"))
        await service.inference.until_paused()
        service.inference.release()
        await stream.until(b"data: \xff\r\n\r\n")
        await service.inference.until_paused()
        service.inference.release()
        assert await stream.rest() == token_frame("a") + b"data: \xff\r\n\r\n" + DONE_FRAME
    assert response.headers["transfer-encoding"] == "chunked"
    assert response.headers["x-trace-id"]


async def test_silence_is_broken_by_comments_which_change_nothing_else() -> None:
    async with live_service(settings_with_streams(keep_alive_seconds=0.05)) as service:
        service.inference.play(*PAUSED)
        path = f"{await service.conversation()}/messages"
        async with service.client.stream("POST", path, json={"content": "hi"}, headers=ALICE) as response:
            stream = Stream(response)
            await stream.until(b": keep-alive\n\n: keep-alive\n\n")
            service.inference.release()
            received = await stream.rest()
    assert received.replace(b": keep-alive\n\n", b"") == token_frame("Hel") + token_frame("lo") + DONE_FRAME


async def test_a_failed_stream_ends_with_two_frames_and_an_orderly_last_chunk(service: LiveService) -> None:
    service.inference.play(token_frame("Hel"), InferenceTimeoutError())
    path = f"{await service.conversation()}/messages"

    response = await service.client.post(path, json={"content": "hi"}, headers=ALICE)
    _, error, done, rest = response.content.split(b"\n\n")
    assert json.loads(error.removeprefix(b"data: ")) == {
        "error": "inference_timeout",
        "detail": "The inference service stopped sending.",
    }
    assert (done, rest) == (b'data: {"done":true}', b"")


async def test_a_live_reply_is_followed_from_any_code_point(service: LiveService) -> None:
    service.inference.play(token_frame("Hé😀"), PAUSE, token_frame("lo"), DONE_FRAME)
    path = await service.begin()
    await service.inference.until_paused()

    async with service.client.stream("GET", f"{path}?offset=1", headers=ALICE) as response:
        stream = Stream(response)
        await stream.until(b'id: 3\ndata: {"token":"\\u00e9\\ud83d\\ude00"}\n\n')
        service.inference.release()
        received = await stream.rest()
    assert received.endswith(b'id: 5\ndata: {"token":"lo"}\n\nid: 5-end\ndata: {"done":true}\n\n')


async def test_a_reader_ahead_of_the_stored_text_is_rewound(service: LiveService) -> None:
    service.inference.play(*PAUSED)
    path = await service.begin()
    await service.inference.until_paused()

    async with service.client.stream("GET", path, headers={**ALICE, "Last-Event-ID": "9"}) as response:
        stream = Stream(response)
        await stream.until(b'id: 3\ndata: {"rewind":3}\n\n')
        service.inference.release()
        assert (await stream.rest()).endswith(b'id: 5\ndata: {"token":"lo"}\n\nid: 5-end\ndata: {"done":true}\n\n')


async def test_any_number_of_readers_get_the_same(service: LiveService) -> None:
    service.inference.play(*PAUSED)
    path = await service.begin()

    async def read() -> bytes:
        return (await service.client.get(path, headers=ALICE)).content

    readers = [asyncio.create_task(read()) for _ in range(15)]
    await service.streams_to_open(15)
    service.inference.release()
    bodies = await asyncio.gather(*readers)
    texts = {
        "".join(json.loads(line[6:]).get("token", "") for line in b.decode().splitlines() if line[:5] == "data:")
        for b in bodies
    }
    assert texts == {"Hello"}
    assert len(service.inference.calls) == 1


async def test_a_reply_of_a_mebibyte_is_replayed_whole(service: LiveService) -> None:
    text = "😀\n" * 250_000
    service.inference.say(*[text[start : start + 50_000] for start in range(0, len(text), 50_000)])
    path = await service.begin()

    body = (await service.client.get(path, headers=ALICE)).text
    frames = [frame.split("\n") for frame in body.split("\n\n")[:-1]]
    pieces = [json.loads(data.removeprefix("data: ")) for _, data in frames]
    assert "".join(piece.get("token", "") for piece in pieces) == text
    assert frames[-1][0] == f"id: {len(text)}-end"
    assert all(len(data) <= 64 * 1024 for _, data in frames)


# -- Readers that disconnect or do not read -------------------------------------------------------------------------


async def test_a_reply_goes_on_after_its_reader_disconnects(service: LiveService) -> None:
    service.inference.play(*PAUSED)
    conversation = await service.conversation()
    async with service.client.stream(
        "POST", f"{conversation}/messages", json={"content": "hi"}, headers=ALICE
    ) as response:
        await Stream(response).until(token_frame("Hel"))
        assert service.open_streams == 1

    await service.open_streams_to_end()
    await service.inference.until_paused()
    service.inference.release()
    followed = await service.client.get(response.headers["content-location"], headers=ALICE)
    assert followed.text.endswith('id: 5-end\ndata: {"done":true}\n\n')


async def test_a_disconnect_before_the_reply_begins_loses_nothing(service: LiveService) -> None:
    conversation = await service.conversation()
    body = b'{"content":"hi"}'
    _, writer = await service.connect()
    writer.write(_request("POST", f"{conversation}/messages", body))
    await writer.drain()
    writer.close()
    await writer.wait_closed()

    await service.inference.until(lambda: len(service.inference.calls) == 1)
    assert await _statuses(service, conversation) == ["complete", "complete"]


async def test_a_reader_that_reads_nothing_is_disconnected_without_harm_to_others() -> None:
    async with live_service(settings_with_streams(write_timeout_seconds=0.2)) as service:
        service.inference.say("x" * 900_000)
        path = await service.begin()
        reader, writer = await service.connect()
        # The kernel would keep up to 32 MiB for a reader that does not read, where its settings allow that.
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
        # Many replays on one connection: more than the kernel's buffers hold.
        writer.write(_request("GET", path) * 17)
        await writer.drain()
        await service.streams_to_open(1)
        assert (await service.client.get(path, headers=ALICE)).status_code == 200
        async with asyncio.timeout(PATIENCE_SECONDS):
            await service.open_streams_to_end()
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await reader.readexactly(17 * 900_000)
        writer.close()


# -- Limits ----------------------------------------------------------------------------------------------------------


async def test_the_limit_of_streams_counts_each_user_separately() -> None:
    async with live_service(settings_with_streams(max_per_user=2)) as service:
        service.inference.play(*PAUSED)
        path = await service.begin()
        conversation = await service.conversation()
        async with (
            service.client.stream("GET", path, headers=ALICE),
            service.client.stream("GET", path, headers=ALICE),
        ):
            followed = await service.client.get(path, headers=ALICE)
            sent = await service.client.post(f"{conversation}/messages", json={"content": "hi"}, headers=ALICE)
            opened = (await service.client.get(conversation, headers=ALICE)).json()
            other = await service.begin(headers=BOB)
            async with service.client.stream("GET", other, headers=BOB) as response:
                assert response.status_code == 200
        assert (followed.status_code, sent.status_code) == (429, 429)
        assert int(sent.headers["retry-after"]) > 0
        assert opened["messages"] == []

        await service.open_streams_to_end()
        async with service.client.stream("GET", path, headers=ALICE) as response:
            assert response.status_code == 200


async def test_a_stream_tells_its_reader_to_reconnect_after_its_lifetime() -> None:
    async with live_service(settings_with_streams(max_seconds=0.1)) as service:
        service.inference.play(*PAUSED)
        path = await service.begin()

        body = (await service.client.get(path, headers=ALICE)).content
        assert body == b'id: 3\ndata: {"token":"Hel"}\n\n: reconnect\n\n'


async def test_a_stream_ends_with_its_token(service: LiveService) -> None:
    expires_at = datetime.now(UTC) + timedelta(seconds=0.3)
    service.auth.accept("short", User(id="alice", expires_at=expires_at))
    service.inference.play(*PAUSED)
    path = await service.begin()

    response = await service.client.get(path, headers={"Authorization": "Bearer short"})
    assert response.content.endswith(b": reconnect\n\n")
    assert datetime.now(UTC) >= expires_at


async def test_a_stream_whose_token_was_revoked_ends_at_the_next_validation() -> None:
    async with live_service(settings_with_streams(revalidate_seconds=0.1)) as service:
        service.auth.accept("revoked-soon", User(id="alice"))
        service.inference.play(*PAUSED)
        path = await service.begin()
        headers = {"Authorization": "Bearer revoked-soon"}
        async with service.client.stream("GET", path, headers=headers) as response:
            stream = Stream(response)
            await stream.until(b'{"token":"Hel"}\n\n')
            service.auth.reject("revoked-soon")
            assert (await stream.rest()).endswith(b": reconnect\n\n")


async def test_a_drain_tells_readers_to_reconnect() -> None:
    async with live_service() as service:
        service.inference.play(*PAUSED)
        path = await service.begin()
        async with service.client.stream("GET", path, headers=ALICE) as response:
            stream = Stream(response)
            await stream.until(b'{"token":"Hel"}\n\n')
            service.server.end(hurry=True)
            assert (await stream.rest()).endswith(b'"token":"Hel"}\n\n: reconnect\n\n')


async def _statuses(service: LiveService, conversation: str) -> list[str]:
    statuses: list[str] = []

    async def have_ended() -> bool:
        opened = (await service.client.get(conversation, headers=ALICE)).json()
        statuses[:] = [message["status"] for message in opened["messages"]]
        return "streaming" not in statuses

    await eventually(have_ended, within=PATIENCE_SECONDS, what="the reply has ended")
    return statuses


def _request(method: str, path: str, body: bytes = b"") -> bytes:
    headers = [
        f"{method} {path} HTTP/1.1",
        "Host: chat.test",
        f"Authorization: {ALICE['Authorization']}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join([*headers, "", ""]).encode() + body
