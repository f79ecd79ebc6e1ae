"""Tests that a long conversation is handled in slices."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import orjson
import pytest
from attrs import evolve

from chatcore import Message, OpenConversation
from chatcore.conversations.message import MessageId, Role
from chatcore.slices import SLICE, slices, taken_in_slices
from chatcore.testing.samples import NOON, a_conversation
from chatcore_service.api.conversation_responses import open_conversation_response

SIZES = [0, 1, SLICE, SLICE + 1, 3 * SLICE]


@pytest.mark.parametrize("size", SIZES)
async def test_slices_have_all_items_in_their_order(size: int) -> None:
    items = list(range(size))

    assert [item async for part in slices(items) for item in part] == items
    assert [item async for part in taken_in_slices(items[:]) for item in part] == items


async def test_items_taken_in_slices_are_removed_from_the_list() -> None:
    items = list(range(2 * SLICE + 1))

    left = [len(items) async for _ in taken_in_slices(items)]
    assert left == [SLICE + 1, 1, 0]


@pytest.mark.parametrize("size", SIZES)
async def test_an_open_conversation_is_json_however_many_messages_it_has(size: int) -> None:
    opened = _opened(size)

    response = await open_conversation_response(opened)
    document = orjson.loads(response.body)
    assert int(response.headers["content-length"]) == len(response.body)
    assert document["id"] == str(opened.conversation.id)
    assert [message["id"] for message in document["messages"]] == [str(message.id) for message in opened.messages]


async def test_other_tasks_run_between_the_slices_of_a_long_conversation() -> None:
    turns = 0
    response = asyncio.create_task(open_conversation_response(_opened(5 * SLICE)))
    while not response.done():
        turns += 1
        await asyncio.sleep(0)

    assert turns >= 5


def _opened(size: int) -> OpenConversation:
    conversation = a_conversation()
    first = Message(MessageId(uuid4()), conversation.id, conversation.user_id, None, 1, Role.USER, "Hello", NOON)
    messages = (evolve(first, id=MessageId(uuid4()), position=number) for number in range(1, size + 1))
    return OpenConversation(conversation, tuple(messages))
