"""Conversations that are read while they are sent, over real sockets, to callers of all speeds."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from tests.integration.entrypoints.chatcore_service.http_server import (
    ALICE,
    LiveService,
    live_service,
    settings_with_streams,
)
from tests.integration.entrypoints.chatcore_service.streaming.slow_readers import (
    StalledReader,
    leave_the_kernel_little,
    stalled_readers,
    to_be_stuck,
    waiting_bytes,
)
from tests.integration.faults.waiting import eventually

from chatcore import Conversation, MessageSlice
from chatcore.conversations.path import MAX_SECTION_CHARS
from chatcore.testing.samples import a_conversation
from chatcore.testing.storage.steps import converse
from chatcore_memory import InMemoryStorage

#: The most that one response may hold beyond what the socket has taken.
MAX_HELD_BYTES = 1024 * 1024
#: The most that the kernel keeps of one connection, with the smallest buffers.
MAX_KERNEL_BYTES = 64 * 1024
EMOJI = "💬" * 8000
READERS = 8


@pytest.fixture
async def service() -> AsyncIterator[LiveService]:
    async with live_service() as service:
        leave_the_kernel_little(service)
        yield service


class ReadTexts:
    """Counts the bytes of text that the service reads from its storage."""

    def __init__(self, storage: InMemoryStorage, monkeypatch: pytest.MonkeyPatch) -> None:
        self.byte_count = 0
        for name in ("open_path", "read_slice", "read_tree", "read_text"):
            monkeypatch.setattr(storage, name, self._counting(getattr(storage, name)))

    def _counting(self, method: Any) -> Any:  # noqa: ANN401 - any method of the storage
        async def call(*arguments: Any) -> Any:  # noqa: ANN401 - any method of the storage
            result = await method(*arguments)
            self.byte_count += _text_bytes(getattr(result, "first", result))
            return result

        return call


def _text_bytes(read: MessageSlice | str) -> int:
    if isinstance(read, str):
        return len(read.encode())
    return sum(len(message.content.encode()) for message in read.messages)


async def stored(service: LiveService, *replies: str) -> Conversation:
    """Stores a conversation of Alice with these replies."""
    conversation = a_conversation()
    await service.storage.create_conversation(conversation)
    for reply in replies:
        await converse(service.storage, conversation, "Tell me", reply)
    return conversation


def opening(conversation: Conversation, query: str = "") -> bytes:
    """Returns a request that opens a conversation."""
    return (
        f"GET /api/conversations/{conversation.id}{query} HTTP/1.1\r\nhost: x\r\n"
        f"authorization: {ALICE['Authorization']}\r\n\r\n"
    ).encode()


async def body_of(reader: StalledReader) -> bytes:
    """Reads the body of a response in the chunked transfer coding, to its end."""
    await reader.until(b"\r\n\r\n")
    body = bytearray()
    while size := int(await reader.until(b"\r\n"), 16):
        part = b""
        while len(part) < size + 2:
            part += await reader.until(b"\r\n")
        body += part.removesuffix(b"\r\n")
    return bytes(body)


@pytest.mark.parametrize("query", ["", "?branches=all"])
@pytest.mark.parametrize(
    "replies",
    [[EMOJI] * 150, ["💬" * 1_200_000], ["x" * 200] * 1500],
    ids=["many large messages", "one huge message", "very many small messages"],
)
async def test_a_slow_reader_makes_the_service_hold_little(
    service: LiveService, monkeypatch: pytest.MonkeyPatch, replies: list[str], query: str
) -> None:
    conversation = await stored(service, *replies)
    texts = ReadTexts(service.storage, monkeypatch)

    with stalled_readers(service.port, *[opening(conversation, query)] * READERS) as readers:
        await to_be_stuck(service, READERS)
        held = texts.byte_count - READERS * MAX_KERNEL_BYTES, waiting_bytes(service)
        bodies = await asyncio.gather(*(body_of(reader) for reader in readers))

    assert max(held) <= READERS * MAX_HELD_BYTES / 2
    for body in bodies:
        assert [message["content"] for message in orjson.loads(body)["messages"]][1::2] == replies


async def test_other_requests_are_served_while_a_large_conversation_is_read(
    service: LiveService, monkeypatch: pytest.MonkeyPatch
) -> None:
    conversation = await stored(service, *[EMOJI] * 150)
    texts = ReadTexts(service.storage, monkeypatch)
    path = f"/api/conversations/{conversation.id}"

    reading = asyncio.create_task(service.client.get(path, headers=ALICE))
    await eventually(lambda: texts.byte_count, within=10, what="the conversation is being read")
    read = []
    while not reading.done():
        await service.client.get("/api/health")
        read.append(texts.byte_count)

    assert len((await reading).json()["messages"]) == 300
    # Between two answers of another caller, only a small part of the conversation is read.
    assert max(later - earlier for earlier, later in itertools.pairwise(read)) <= 4 * MAX_HELD_BYTES


async def test_a_conversation_that_is_deleted_meanwhile_is_broken_off(service: LiveService) -> None:
    conversation = await stored(service, *[EMOJI] * 100)

    with stalled_readers(service.port, opening(conversation)) as (reader,):
        await to_be_stuck(service, 1)
        await service.client.delete(f"/api/conversations/{conversation.id}", headers=ALICE)
        with pytest.raises((AssertionError, ConnectionResetError)):
            await body_of(reader)
        await service.client.aclose()
        await service.connections_to_close()


async def test_nothing_more_is_read_for_a_reader_that_has_left(
    service: LiveService, monkeypatch: pytest.MonkeyPatch
) -> None:
    conversation = await stored(service, "x" * (50 * MAX_SECTION_CHARS))
    texts = ReadTexts(service.storage, monkeypatch)

    with stalled_readers(service.port, opening(conversation)) as (_,):
        await to_be_stuck(service, 1)
    await service.client.aclose()
    await service.connections_to_close()

    assert texts.byte_count <= 10 * MAX_SECTION_CHARS


async def test_a_reader_that_takes_nothing_is_disconnected(monkeypatch: pytest.MonkeyPatch) -> None:
    async with live_service(settings_with_streams(write_timeout_seconds=0.2)) as service:
        leave_the_kernel_little(service)
        conversation = await stored(service, *[EMOJI] * 100)
        texts = ReadTexts(service.storage, monkeypatch)

        with stalled_readers(service.port, opening(conversation)):
            await to_be_stuck(service, 1)
            await service.client.aclose()
            await service.connections_to_close()

        assert texts.byte_count <= MAX_HELD_BYTES
