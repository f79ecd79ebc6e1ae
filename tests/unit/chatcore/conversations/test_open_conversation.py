"""Tests that an opened conversation is read slice by slice and part by part."""

from __future__ import annotations

import pytest
from tests.unit.conftest import ADA, World

from chatcore.conversations.conversation import Conversation
from chatcore.conversations.path import MAX_SECTION_CHARS, MAX_SLICE_BYTES, MAX_SLICE_MESSAGES
from chatcore.errors import MessageNotFoundError
from chatcore.testing.storage.steps import converse

LONG = "x" * (MAX_SLICE_BYTES + 1)


async def stored(world: World, *replies: str) -> Conversation:
    conversation = await world.conversation()
    for reply in replies:
        await converse(world.storage, conversation, "Tell me", reply)
    return conversation


async def test_all_messages_come_in_their_order_with_their_whole_text(world: World) -> None:
    replies = ["short", LONG, *["many"] * MAX_SLICE_MESSAGES, LONG]
    conversation = await stored(world, *replies)

    opened = await world.chat.conversations.open(ADA, conversation.id)
    tree = await world.chat.conversations.open_tree(ADA, conversation.id)

    assert [message.content for message in (await opened.messages())[1::2]] == replies
    assert await tree.messages() == await opened.messages()


@pytest.mark.parametrize("size", [2 * MAX_SECTION_CHARS, 2 * MAX_SECTION_CHARS + 1])
async def test_parts_follow_the_content_until_the_text_ends(world: World, size: int) -> None:
    conversation = await stored(world, "x" * size)
    opened = await world.chat.conversations.open(ADA, conversation.id)

    [begun] = [read.messages[-1] async for read in opened.slices() if not read.is_whole]
    parts = [len(part) async for part in opened.sections_after(begun)]

    assert parts == [MAX_SECTION_CHARS, size - 2 * MAX_SECTION_CHARS]


async def test_a_deletion_in_the_middle_is_an_error_and_no_early_end(world: World) -> None:
    conversation = await stored(world, LONG, "short")
    path = await world.chat.conversations.open(ADA, conversation.id)
    tree = await world.chat.conversations.open_tree(ADA, conversation.id)
    slices = [opened.slices() for opened in (path, tree)]
    for each in slices:
        await anext(each)

    await world.chat.conversations.delete(ADA, conversation.id)

    for each in slices:
        with pytest.raises(MessageNotFoundError):
            await anext(each)
