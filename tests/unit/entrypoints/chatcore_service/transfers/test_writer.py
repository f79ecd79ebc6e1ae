"""Tests that an export can be read again, and nothing of it is lost."""

from __future__ import annotations

import json

import pytest
from attrs import evolve
from tests.unit.conftest import World
from tests.unit.entrypoints.chatcore_service.transfers.reading_by_hand import read

from chatcore import Message, PartKind, Piece, Role, Status, User
from chatcore.conversations.conversation import Conversation
from chatcore.testing.samples import ALICE, AWKWARD_TEXT, NOON, a_conversation
from chatcore.testing.storage.transfers import a_message, a_transfer
from chatcore.transfers.transferred import TransferredConversation
from chatcore_service.transfers.own_reader import FIELDS
from chatcore_service.transfers.writer import written

_ALICE = User(id=ALICE)


async def export_of(world: World, user: User = _ALICE) -> bytes:
    return b"".join([piece async for piece in written(world.chat.transfers, user, NOON)])


def long_ones(conversation: Conversation) -> list[Message]:
    """Returns messages that are longer than what is read at once: with text alone, and with everything."""
    question = a_message(conversation, 1, content=AWKWARD_TEXT * 5000)
    pieces = (
        Piece(0, 0, PartKind.REASONING, "é" * 16384),
        Piece(16384, 0, PartKind.REASONING, "è" * 9),
        Piece(16384 + 9 + 50_000, 50_000, PartKind.DATA, '{"a":"' + "x" * 100_000 + '"}'),
    )
    reply = a_message(
        conversation, 2, question, role=Role.ASSISTANT, content="💬" * 90_000, cuts=(7, 99_000), pieces=pieces
    )
    return [question, reply, a_message(conversation, 3, reply, content="")]


async def test_nothing_is_written_that_no_import_reads(world: World) -> None:
    await world.chat.transfers.add(a_transfer())

    conversation = json.loads((await export_of(world)).splitlines()[1])

    written_fields = {*conversation, *(name for message in conversation["messages"] for name in message)}
    assert written_fields <= FIELDS


async def test_a_round_trip_keeps_everything(world: World) -> None:
    conversation = a_conversation()
    messages = tuple(long_ones(conversation))
    large = TransferredConversation(conversation=evolve(conversation, head_id=messages[0].id), messages=messages)
    empty = TransferredConversation(conversation=a_conversation())
    transfers = sorted([a_transfer(), large, empty], key=lambda each: each.conversation.id)
    for transfer in transfers:
        await world.chat.transfers.add(transfer)

    exported = await export_of(world)

    assert read(exported, size=16 * 1024) == (transfers, [])
    other = World(world.clock, type(world.storage)(world.clock))
    for conversation_ in read(exported, size=16 * 1024)[0]:
        await other.chat.transfers.add(conversation_)
    assert await export_of(other) == exported


@pytest.mark.parametrize(("text", "status"), [("some", Status.INTERRUPTED), ("", Status.FAILED)])
async def test_a_reply_in_the_making_is_exported_as_it_is_and_has_broken_off_when_it_is_imported(
    world: World, text: str, status: Status
) -> None:
    conversation = await world.conversation(_ALICE)
    await world.send(conversation)
    (await world.inference.call()).say(text)
    await world.chat.checkpointer.checkpoint()

    exported = await export_of(world)

    assert json.loads(exported.splitlines()[1])["messages"][1]["status"] == "streaming"
    ((imported,), _) = read(exported)
    _, reply = imported.messages
    assert (reply.status, reply.content) == (status, text)


async def test_a_conversation_that_is_deleted_in_the_middle_leaves_a_line_that_is_passed_over(world: World) -> None:
    conversation = a_conversation()
    messages = [a_message(conversation, 1, content="x" * 70_000)]
    messages += [a_message(conversation, n, messages[-1], content="x" * 70_000) for n in (2, 3)]
    await world.chat.transfers.add(TransferredConversation(conversation=conversation, messages=messages))
    pieces = written(world.chat.transfers, _ALICE, NOON)

    exported = await anext(pieces) + await anext(pieces)
    await world.chat.conversations.delete(_ALICE, conversation.id)
    exported += b"".join([piece async for piece in pieces])

    assert json.loads(exported.splitlines()[1])["is_deleted"] is True
    assert read(exported, size=16 * 1024) == ([], [])


async def test_an_export_without_conversations_is_its_header(world: World) -> None:
    exported = await export_of(world)

    assert json.loads(exported) == {"format": "chatcore", "version": 1, "exported_at": "2026-11-22T12:00:00+00:00"}
    assert read(exported) == ([], [])
