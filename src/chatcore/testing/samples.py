"""Makes sample entities for tests. Every value has a valid default, so a test names only the values that it needs.

`attrs.evolve` changes any other value::

    turn = evolve(a_turn(conversation), max_generations=1)
"""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from attrs import evolve

from chatcore.conversations.changes import ConversationChanges
from chatcore.conversations.conversation import Conversation
from chatcore.conversations.log import Stretch
from chatcore.conversations.message import ConversationId, MessageId, Status
from chatcore.ports import DeltaRead, DeltaReader, NewContinuation, NewFork, NewRegeneration, NewTurn
from chatcore.replies.generation_request import GenerationRequest
from chatcore.replies.idempotency import IdempotencyKey
from chatcore.replies.lease import FinalState, Lease, OwnerId, Progress
from chatcore.replies.sampling import Sampling
from chatcore.reply_error import ReplyError
from chatcore.user import UserId

ALICE: UserId = "alice"
BOB: UserId = "bob"

#: The instant at which samples are made unless a test passes another.
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)

#: Text that storages and encoders often get wrong: emoji of several code points, combining marks, the line and
#: paragraph separators, quotes, percent signs, format characters, right-to-left text, white space at both ends.
AWKWARD_TEXT = (
    " \t👩‍👩‍👧‍👦 e\u0301 é \u2028\u2029\u0085 'quoted' \"twice\" 100% %s %(x)s {} $1 \\n ; -- "
    "\u200f\u05d0\u05d1 \U0010ffff\n "
)


def later(minutes: float) -> datetime:
    """Returns the instant `minutes` after :data:`NOON`."""
    return NOON + timedelta(minutes=minutes)


def an_owner() -> OwnerId:
    """Returns the id of a new process."""
    return OwnerId(uuid4())


def a_message_id() -> MessageId:
    """Returns an id that no message has."""
    return MessageId(uuid4())


def a_conversation(user_id: UserId = ALICE, *, at: datetime = NOON) -> Conversation:
    """Returns an empty conversation, created and updated `at` an instant."""
    return Conversation(id=ConversationId(uuid4()), user_id=user_id, created_at=at, updated_at=at)


#: A new value for each field of a conversation that its user can change.
CHANGED_VALUES: Mapping[str, Any] = {
    "title": AWKWARD_TEXT,
    "is_pinned": True,
    "is_archived": True,
    "model_tag": AWKWARD_TEXT,
    "instructions": AWKWARD_TEXT,
}


def a_rename(title: str = "A title") -> ConversationChanges:
    """Returns changes that give a conversation another title."""
    return ConversationChanges(title=title)


def a_fork(source: Conversation, message_id: MessageId | None = None, *, now: datetime = NOON) -> NewFork:
    """Returns a fork with a new id, of the path to a message or to the head."""
    return NewFork(
        user_id=source.user_id,
        source_id=source.id,
        message_id=message_id,
        conversation_id=ConversationId(uuid4()),
        now=now,
    )


def a_turn(conversation: Conversation, content: str = "Hello", *, now: datetime = NOON) -> NewTurn:
    """Returns a turn with new ids, a new owner, and no idempotency key."""
    return NewTurn(
        user_id=conversation.user_id,
        conversation_id=conversation.id,
        user_message_id=a_message_id(),
        reply_id=a_message_id(),
        owner_id=an_owner(),
        content=content,
        title="A title",
        idempotency_key=None,
        request=a_request(),
        history_limit=50,
        max_generations=1000,
        now=now,
    )


def a_regeneration(conversation: Conversation, *, now: datetime = NOON) -> NewRegeneration:
    """Returns a regeneration with a new id, a new owner, and no idempotency key."""
    return NewRegeneration(
        user_id=conversation.user_id,
        conversation_id=conversation.id,
        reply_id=a_message_id(),
        owner_id=an_owner(),
        idempotency_key=None,
        request=a_request(),
        history_limit=50,
        max_generations=1000,
        now=now,
    )


def continuation_of(lease: Lease, *, now: datetime = NOON) -> NewContinuation:
    """Returns a continuation of the reply of a lease, with a new owner and no idempotency key."""
    return NewContinuation(
        user_id=lease.user_id,
        conversation_id=lease.conversation_id,
        reply_id=lease.message_id,
        owner_id=an_owner(),
        idempotency_key=None,
        request=evolve(a_request(), attempt=str(uuid4())),
        history_limit=50,
        max_generations=1000,
        now=now,
    )


def a_key(key: str = "key-1", request: str = "request-1") -> IdempotencyKey:
    """Returns an idempotency key; every `request` gives another fingerprint."""
    return IdempotencyKey(key, hashlib.sha256(request.encode()).digest())


def a_final_state(content: str = "Hi", *, at: datetime = NOON) -> FinalState:
    """Returns the final state of a complete reply."""
    return FinalState(
        status=Status.COMPLETE,
        content=content,
        error=None,
        token_count=2,
        inference_time_ms=34,
        returns_head=False,
        ended_at=at,
    )


def an_interruption(content: str = "H", *, at: datetime = NOON) -> FinalState:
    """Returns the final state of a reply that broke off; the head of the conversation stays at that reply."""
    return FinalState(
        status=Status.INTERRUPTED,
        content=content,
        error=ReplyError.INFERENCE_INTERRUPTED,
        token_count=0,
        inference_time_ms=0,
        returns_head=False,
        ended_at=at,
    )


def a_failure(*, at: datetime = NOON) -> FinalState:
    """Returns the final state of a reply without text; the head moves back if the reply was to replace another."""
    return FinalState(
        status=Status.FAILED,
        content="",
        error=ReplyError.INFERENCE_UNREACHABLE,
        token_count=0,
        inference_time_ms=5,
        returns_head=True,
        ended_at=at,
    )


def a_request(trace_id: str | None = "trace-1") -> GenerationRequest:
    """Returns what a model is asked for."""
    return GenerationRequest(sampling=Sampling(temperature=0.5, max_tokens=100, top_k=7), trace_id=trace_id)


def progress(lease: Lease, text: str, *, start_offset: int = 0, renew: bool = False, token_count: int = 0) -> Progress:
    """Returns one part of a checkpoint."""
    return Progress(lease=lease, start_offset=start_offset, text=text, renew=renew, token_count=token_count)


def wrong_leases(lease: Lease) -> list[Lease]:
    """Returns leases that differ from the current lease in one value each."""
    return [
        evolve(lease, user_id=BOB),
        evolve(lease, conversation_id=ConversationId(uuid4())),
        evolve(lease, message_id=a_message_id()),
        evolve(lease, owner_id=an_owner()),
        evolve(lease, epoch=lease.epoch - 1),
        evolve(lease, epoch=lease.epoch + 1),
    ]


def a_reader(lease: Lease, position: int = 0, *, room: int = 32 * 1024) -> DeltaReader:
    """Returns a reader of the reply of `lease`, for the same user."""
    return DeltaReader(
        user_id=lease.user_id,
        conversation_id=lease.conversation_id,
        message_id=lease.message_id,
        position=position,
        room=room,
    )


def a_read(text: str, end_position: int, *, is_live: bool, generation: int = 0) -> DeltaRead:
    """Returns what a reader of a reply of text alone receives."""
    return DeltaRead((Stretch(text, end_position),) if text else (), end_position, is_live, generation)


def text_of(read: DeltaRead) -> str:
    """Returns the text that a reader of a reply of text alone receives."""
    return "".join(stretch.text for stretch in read.stretches)
