"""Tests exports and imports, as a part of the storage contract."""

from collections.abc import Sequence
from uuid import UUID, uuid4

import pytest
from attrs import evolve

from chatcore.conversations.conversation import Conversation, TitleSource
from chatcore.conversations.log import Piece
from chatcore.conversations.message import ConversationId, FinishReason, Message, MessageId, Role, Status
from chatcore.conversations.parts import PartKind
from chatcore.errors import ConversationNotFoundError
from chatcore.ports import Addition, Storage
from chatcore.reply_error import ReplyError
from chatcore.testing.samples import ALICE, AWKWARD_TEXT, BOB, a_conversation, a_final_state, a_turn, later
from chatcore.testing.storage.steps import (
    StorageHooks,
    begin,
    converse,
    create,
    end,
    messages_of,
    reopen,
)
from chatcore.transfers.transferred import TransferredConversation

_USAGE = '{"completion_tokens":2,"cost":"\\u0000"}'


def a_message(conversation: Conversation, position: int, parent: Message | None = None, **values: object) -> Message:
    """Returns a message at a position of a conversation; by default a user's."""
    message = Message(
        id=MessageId(uuid4()),
        conversation_id=conversation.id,
        user_id=conversation.user_id,
        parent_id=None if parent is None else parent.id,
        position=position,
        role=Role.USER,
        content=f"message {position}",
        created_at=later(position),
    )
    return evolve(message, **values)  # type: ignore[arg-type] # what a test overrides


def a_transfer() -> TransferredConversation:
    """Returns a conversation with two roots and two versions, whose fields all differ from their defaults."""
    conversation = evolve(
        a_conversation(),
        title=AWKWARD_TEXT,
        title_source=TitleSource.USER,
        model_tag="eliza 💬",
        updated_at=later(9),
        is_pinned=True,
        is_archived=True,
        instructions="Answer in verse.",
    )
    question = a_message(conversation, 1, content=AWKWARD_TEXT)
    thinking = (
        Piece(0, 0, PartKind.REASONING, AWKWARD_TEXT),
        Piece(len(AWKWARD_TEXT) + 3, 3, PartKind.DATA, '{"tool":"\\u00e9 é","n":1.0e5}'),
    )
    reply = a_message(
        conversation,
        2,
        question,
        role=Role.ASSISTANT,
        content="Hi there",
        token_count=3,
        model_tag="parry",
        inference_time_ms=2**31 - 1,
        finish_reason=FinishReason.LENGTH,
        cuts=(3, 5),
        pieces=thinking,
    )
    stopped = evolve(a_message(conversation, 3, question, role=Role.ASSISTANT), status=Status.STOPPED)
    stopped = evolve(stopped, error=ReplyError.STOPPED, content="")
    other_root = a_message(conversation, 4)
    messages = (question, reply, stopped, other_root)
    return TransferredConversation(
        conversation=evolve(conversation, head_id=reply.id), messages=messages, usages={reply.id: _USAGE}
    )


class TransfersContract(StorageHooks):
    """Tests that whole conversations are read and added as they are."""

    async def test_an_added_conversation_is_stored_as_it_is(self, storage: Storage) -> None:
        transfer = a_transfer()

        assert await storage.add_conversation(transfer) is Addition.ADDED

        opened = await reopen(storage, transfer.conversation)
        assert opened.conversation == transfer.conversation
        assert opened.messages == transfer.messages
        ids = [message.id for message in transfer.messages]
        assert await storage.read_usages(ALICE, transfer.conversation.id, ids) == transfer.usages

    async def test_adding_again_changes_nothing(self, storage: Storage) -> None:
        transfer = a_transfer()
        await storage.add_conversation(transfer)
        before = await reopen(storage, transfer.conversation)
        other = evolve(transfer, conversation=evolve(transfer.conversation, title="Another"), messages=())

        assert await storage.add_conversation(transfer) is Addition.PRESENT
        assert await storage.add_conversation(other) is Addition.PRESENT

        assert await reopen(storage, transfer.conversation) == before

    async def test_a_message_of_another_conversation_is_not_taken_over(self, storage: Storage) -> None:
        first, second = a_transfer(), a_transfer()
        await storage.add_conversation(first)
        taken, *_ = first.messages
        clashing = evolve(second, messages=(*second.messages, evolve(taken, position=len(second.messages) + 1)))

        assert await storage.add_conversation(clashing) is Addition.MESSAGE_ID_TAKEN

        assert await messages_of(storage, first.conversation) == first.messages
        with pytest.raises(ConversationNotFoundError):
            await reopen(storage, second.conversation)
        assert await storage.add_conversation(second) is Addition.ADDED

    async def test_the_ids_of_another_user_do_not_matter(self, storage: Storage) -> None:
        alices = a_transfer()
        await storage.add_conversation(alices)
        bobs = evolve(
            alices,
            conversation=evolve(alices.conversation, user_id=BOB, title="Bob's"),
            messages=tuple(evolve(message, user_id=BOB, content="Bob's") for message in alices.messages),
            usages={},
        )

        assert await storage.add_conversation(bobs) is Addition.ADDED

        assert await messages_of(storage, alices.conversation) == alices.messages
        assert await messages_of(storage, bobs.conversation) == bobs.messages
        ids = [message.id for message in alices.messages]
        assert await storage.read_usages(BOB, bobs.conversation.id, ids) == {}

    async def test_an_added_conversation_goes_on_like_any_other(self, storage: Storage) -> None:
        transfer = a_transfer()
        await storage.add_conversation(transfer)

        accepted = await storage.begin_turn(a_turn(transfer.conversation, now=later(20)))

        assert accepted.user_message.parent_id == transfer.conversation.head_id
        assert [accepted.user_message.position, accepted.reply.position] == [5, 6]
        assert [message.content for message in accepted.history] == [AWKWARD_TEXT, "Hi there", "Hello"]

    async def test_a_conversation_of_many_and_long_messages_is_added_whole(self, storage: Storage) -> None:
        conversation = a_conversation()
        messages: list[Message] = []
        for position in range(1, 501):
            content = "é" * 300_000 if position % 200 == 0 else f"{position}"
            messages.append(a_message(conversation, position, messages[-1] if messages else None, content=content))
        head = evolve(conversation, head_id=messages[-1].id)

        added = await storage.add_conversation(TransferredConversation(conversation=head, messages=messages))

        assert added is Addition.ADDED
        for message in (messages[0], messages[199], messages[-1]):
            assert await storage.get_message(ALICE, conversation.id, message.id) == message

    async def test_conversations_are_listed_by_id_page_by_page(self, storage: Storage) -> None:
        mine = sorted([(await create(storage)).id for _ in range(5)])
        await create(storage, BOB)

        listed: list[ConversationId] = []
        while page := await storage.list_by_id(ALICE, listed[-1] if listed else None, 2):
            listed += [conversation.id for conversation in page]

        assert listed == mine
        assert await storage.list_by_id(ALICE, ConversationId(UUID(int=2**128 - 1)), 2) == []

    async def test_a_listed_conversation_has_its_running_reply(self, storage: Storage) -> None:
        conversation = await create(storage)
        lease = await begin(storage, conversation)

        (listed,) = await storage.list_by_id(ALICE, None, 10)

        assert listed == await storage.get_conversation(ALICE, conversation.id)
        assert listed.active_reply_id == lease.message_id

    async def test_usages_go_with_their_messages(self, storage: Storage) -> None:
        transfer = a_transfer()
        (reply_id,) = transfer.usages
        names = (ALICE, transfer.conversation.id)
        await storage.add_conversation(transfer)
        await storage.delete_conversation(*names)
        await storage.add_conversation(evolve(transfer, usages={}))

        assert await storage.read_usages(*names, [reply_id]) == {}

    async def test_usages_are_found_in_the_conversation_of_their_user_only(self, storage: Storage) -> None:
        conversation, other = await create(storage), await create(storage)
        lease = await begin(storage, conversation)
        await end(storage, lease, evolve(a_final_state(), usage=_USAGE))
        silent = (await converse(storage, conversation, "Hello", "Hi")).reply.id
        ids: Sequence[MessageId] = [lease.message_id, silent]

        assert await storage.read_usages(ALICE, conversation.id, ids) == {lease.message_id: _USAGE}
        assert await storage.read_usages(ALICE, other.id, ids) == {}
        assert await storage.read_usages(BOB, conversation.id, ids) == {}
