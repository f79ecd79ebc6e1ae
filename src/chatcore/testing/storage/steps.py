"""Provides the steps that the tests of the storage contract share."""

from collections.abc import Awaitable, Callable

import pytest
from attrs import evolve, frozen

from chatcore.conversations.changes import UNSET, Unset
from chatcore.conversations.conversation import Conversation
from chatcore.conversations.message import Message, MessageId
from chatcore.errors import ChatError
from chatcore.ports import AcceptedTurn, NewTurn, Storage
from chatcore.replies.lease import FinalState, Lease, LeaseStatus, OwnerId, Progress
from chatcore.testing.samples import ALICE, BOB, a_conversation, a_final_state, a_message_id, a_reader, a_turn, text_of
from chatcore.user import UserId


@pytest.mark.asyncio
class StorageHooks:
    """Declares the methods, beside the fixture `storage`, that the storage contract needs of an adapter's tests."""

    async def expire_leases(self, storage: Storage) -> None:
        """Makes all leases that were granted so far expire, as if their time had passed."""
        raise NotImplementedError


async def create(storage: Storage, user_id: UserId = ALICE) -> Conversation:
    """Stores a new conversation and returns it."""
    conversation = a_conversation(user_id)
    await storage.create_conversation(conversation)
    return conversation


@frozen
class StoredConversation:
    """Holds a conversation with the messages of all its branches, ordered by position."""

    conversation: Conversation
    messages: tuple[Message, ...]


async def reopen(storage: Storage, conversation: Conversation) -> StoredConversation:
    """Returns the conversation as it is stored now."""
    opened = await storage.get_conversation(conversation.user_id, conversation.id)
    messages: list[Message] = []
    position = 0
    while (slice_ := await storage.read_tree(conversation.user_id, conversation.id, position)).messages:
        messages += slice_.messages
        position = messages[-1].position
    return StoredConversation(opened, tuple(messages))


async def stored(storage: Storage, conversation: Conversation) -> Conversation:
    """Returns the conversation as it is stored now, without its messages."""
    return (await reopen(storage, conversation)).conversation


async def expect_refusals_of_foreign_messages(
    storage: Storage,
    use: Callable[[Conversation, MessageId], Awaitable[object]],
    error: type[ChatError],
    *,
    match: str | None = None,
) -> None:
    """Asserts that a conversation is not used with ids that are not of its messages, and stays as it is.

    Args:
        storage: the storage to test.
        use: calls the storage with a conversation of Alice and the id.
        error: the error that the call must raise.
        match: what the error must name.
    """
    conversation, other, bobs = await create(storage), await create(storage), await create(storage, BOB)
    _, *elsewhere = [await converse(storage, each, "one", "two") for each in (conversation, other, bobs)]
    foreign = [id_ for turn in elsewhere for id_ in (turn.user_message.id, turn.reply.id)]
    before = await reopen(storage, conversation)

    for message_id in (*foreign, a_message_id()):
        with pytest.raises(error, match=match):
            await use(conversation, message_id)

    assert await reopen(storage, conversation) == before


async def messages_of(storage: Storage, conversation: Conversation) -> tuple[Message, ...]:
    """Returns the messages that are stored now."""
    return (await reopen(storage, conversation)).messages


async def message_of(storage: Storage, lease: Lease) -> Message:
    """Returns the reply of a lease as it is stored now."""
    return await storage.get_message(lease.user_id, lease.conversation_id, lease.message_id)


def lease_of(accepted: AcceptedTurn) -> Lease:
    """Returns the lease that was granted for the turn."""
    assert accepted.lease is not None
    return accepted.lease


async def begin(storage: Storage, conversation: Conversation | None = None, turn: NewTurn | None = None) -> Lease:
    """Begins a turn, by default in a new conversation of Alice, and returns its lease."""
    if turn is None:
        turn = a_turn(conversation or await create(storage))
    return lease_of(await storage.begin_turn(turn))


async def converse(
    storage: Storage,
    conversation: Conversation,
    content: str,
    reply: str,
    *,
    parent_id: MessageId | Unset | None = UNSET,
) -> AcceptedTurn:
    """Stores a whole turn, from the user's message to the complete reply, at the time of the samples."""
    accepted = await storage.begin_turn(evolve(a_turn(conversation, content), parent_id=parent_id))
    await end(storage, lease_of(accepted), a_final_state(reply))
    return accepted


async def end(storage: Storage, lease: Lease, final_state: FinalState) -> None:
    """Finishes a reply and asserts that the call succeeds."""
    assert await storage.finish(lease, final_state)


async def checkpoint(storage: Storage, part: Progress) -> LeaseStatus:
    """Checkpoints one reply as its owner and returns the status."""
    (status,) = await storage.checkpoint(part.lease.owner_id, [part])
    return status


async def claim(storage: Storage, owner_id: OwnerId) -> Lease:
    """Takes over the only reply whose lease has expired."""
    (lease,) = await storage.claim_expired(owner_id, (), 10)
    return lease


async def text_so_far(storage: Storage, lease: Lease) -> str:
    """Returns the stored text of a running reply."""
    (read,) = await storage.read_deltas([a_reader(lease)])
    assert read.is_live
    return text_of(read)
