"""What the storage contract does again and again, as one call each."""

import pytest

from chatcore.conversations.conversation import Conversation, OpenConversation
from chatcore.conversations.message import Message
from chatcore.ports import AcceptedTurn, NewTurn, Storage
from chatcore.replies.lease import FinalState, Lease, LeaseStatus, OwnerId, Progress
from chatcore.testing.samples import ALICE, a_conversation, a_final_state, a_reader, a_turn
from chatcore.user import UserId


@pytest.mark.asyncio
class StorageHooks:
    """What a storage contract needs of the adapter under test, beside the fixture `storage`."""

    async def expire_leases(self, storage: Storage) -> None:
        """Makes all leases granted so far run out, as if their time had passed."""
        raise NotImplementedError


async def create(storage: Storage, user_id: UserId = ALICE) -> Conversation:
    """A new conversation that is stored."""
    conversation = a_conversation(user_id)
    await storage.create_conversation(conversation)
    return conversation


async def reopen(storage: Storage, conversation: Conversation) -> OpenConversation:
    """The conversation as it is stored now."""
    return await storage.open_conversation(conversation.user_id, conversation.id)


async def stored(storage: Storage, conversation: Conversation) -> Conversation:
    """The conversation as it is stored now, without its messages."""
    return (await reopen(storage, conversation)).conversation


async def messages_of(storage: Storage, conversation: Conversation) -> tuple[Message, ...]:
    """The messages that are stored now."""
    return (await reopen(storage, conversation)).messages


async def message_of(storage: Storage, lease: Lease) -> Message:
    """The reply that a lease is for, as it is stored now."""
    return await storage.get_message(lease.user_id, lease.conversation_id, lease.message_id)


def lease_of(accepted: AcceptedTurn) -> Lease:
    """The lease that the turn was granted."""
    assert accepted.lease is not None
    return accepted.lease


async def begin(storage: Storage, conversation: Conversation | None = None, turn: NewTurn | None = None) -> Lease:
    """Begins a turn, by default in a new conversation of Alice's."""
    if turn is None:
        turn = a_turn(conversation or await create(storage))
    return lease_of(await storage.begin_turn(turn))


async def converse(storage: Storage, conversation: Conversation, content: str, reply: str) -> AcceptedTurn:
    """A whole turn, from the user's message to the complete reply; updates nothing's time."""
    accepted = await storage.begin_turn(a_turn(conversation, content))
    await end(storage, lease_of(accepted), a_final_state(reply))
    return accepted


async def end(storage: Storage, lease: Lease, final_state: FinalState) -> None:
    """Finishes a reply, successfully."""
    assert await storage.finish(lease, final_state)


async def checkpoint(storage: Storage, part: Progress) -> LeaseStatus:
    """A checkpoint of one reply by its owner."""
    (status,) = await storage.checkpoint(part.lease.owner_id, [part])
    return status


async def claim(storage: Storage, owner_id: OwnerId) -> Lease:
    """Takes over the one reply whose lease has run out."""
    (lease,) = await storage.claim_expired(owner_id, (), 10)
    return lease


async def text_so_far(storage: Storage, lease: Lease) -> str:
    """The stored text of a reply in the making."""
    (read,) = await storage.read_deltas([a_reader(lease)])
    assert read.is_live
    return read.text
