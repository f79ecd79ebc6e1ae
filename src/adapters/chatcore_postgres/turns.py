"""From a turn to the parameters of its statement, and from the statement's rows to what was accepted."""

from collections.abc import Iterable, Sequence
from operator import attrgetter
from uuid import UUID

from attrs import frozen

from chatcore.conversations.message import Message, MessageId
from chatcore.errors import (
    ConversationNotFoundError,
    GenerationInProgressError,
    IdempotencyKeyReusedError,
    NothingToRegenerateError,
    TooManyGenerationsError,
)
from chatcore.ports import AcceptedTurn, NewRegeneration, NewReply, NewTurn
from chatcore.replies.lease import LEASE_SECONDS, Lease
from chatcore_postgres.driver.database import Database, Parameters, Row
from chatcore_postgres.rows import to_messages
from chatcore_postgres.statements import turns

# Columns before those of the message.
_VERDICT_COLUMNS = 8
# Beyond it an integer has another type.
_MOST_SMALLINT = 0x7FFF


@frozen
class BeginOutcome:
    """What became of it, from the columns that are the same in all rows."""

    outcome: str
    user_message_id: MessageId
    reply_id: MessageId
    #: Of the reply in the making, if there is one; its epoch if it is ours.
    running_id: MessageId | None
    epoch: int | None
    #: Where the head was.
    head_id: MessageId | None
    #: Of the reply that was stored just now.
    reply_position: int
    model_tag: str


async def begin_turn(database: Database, turn: NewTurn) -> AcceptedTurn:
    """Stores a turn, as the port says."""
    return _accepted(turn, await database.fetch_definite(turns.BEGIN_TURN, turn_parameters(turn)))


async def begin_regeneration(database: Database, regeneration: NewRegeneration) -> AcceptedTurn:
    """Stores a new reply to an old message, as the port says."""
    return _accepted(regeneration, await database.fetch_definite(turns.BEGIN_REGENERATION, _common(regeneration)))


def turn_parameters(turn: NewTurn) -> Parameters:
    """What the statement that begins a turn asks for.

    Always of the same types: psycopg tells the server a type for each value, and for every other one the server would
    prepare and plan the statement anew.
    """
    key = turn.idempotency_key
    return {
        **_common(turn),
        "user_message_id": turn.user_message_id,
        "content": turn.content,
        "title": turn.title,
        "key": key.key if key else None,
        "fingerprint": key.fingerprint if key else b"",
    }


def _common(turn: NewReply) -> dict[str, object]:
    return {
        "user_id": turn.user_id,
        "conversation_id": turn.conversation_id,
        "reply_id": turn.reply_id,
        "owner_id": turn.owner_id,
        "lease_seconds": LEASE_SECONDS,
        "history_limit": turn.history_limit,
        "max_generations": turn.max_generations,
        "choice": turn.reply_id.int & _MOST_SMALLINT,
        "now": turn.now,
    }


def _accepted(turn: NewReply, rows: Sequence[Row]) -> AcceptedTurn:
    begun = BeginOutcome(*rows[0][:_VERDICT_COLUMNS])
    lease = _granted(turn, begun)
    messages = _said(turn, rows)
    if begun.outcome == "accepted":
        messages |= {message.id: message for message in _stored(turn, begun)}
    reply = messages.pop(begun.reply_id)
    return AcceptedTurn(
        user_message=messages[begun.user_message_id],
        reply=reply,
        lease=lease,
        history=_in_order(messages.values()) if lease else (),
    )


def _granted(turn: NewReply, begun: BeginOutcome) -> Lease | None:
    """The lease, if there is one to be had."""
    match begun.outcome:
        case "accepted":
            return turn.lease(epoch=1)
        case "repeated" if begun.running_id == turn.reply_id and begun.epoch is not None:
            return turn.lease(epoch=begun.epoch)
        case "repeated" | "replayed":
            return None
        case "key_reused":
            raise IdempotencyKeyReusedError
        case "nothing":
            raise NothingToRegenerateError
        case "busy" if begun.running_id is not None:
            raise GenerationInProgressError(turn.conversation_id, begun.running_id)
        case "full":
            raise TooManyGenerationsError(turn.max_generations)
        case _:
            raise ConversationNotFoundError


def _said(turn: NewReply, rows: Sequence[Row]) -> dict[UUID, Message]:
    """What had been said before, by id."""
    found = [row[_VERDICT_COLUMNS:] for row in rows if row[_VERDICT_COLUMNS] is not None]
    return {message.id: message for message in to_messages(turn.user_id, turn.conversation_id, found)}


def _stored(turn: NewReply, begun: BeginOutcome) -> Iterable[Message]:
    """What was stored just now, which the statement does not send back."""
    if isinstance(turn, NewTurn):
        yield turn.user_message(follows=begun.head_id, position=begun.reply_position - 1)
    yield turn.reply(answers=begun.user_message_id, position=begun.reply_position, model_tag=begun.model_tag)


def _in_order(messages: Iterable[Message]) -> tuple[Message, ...]:
    return tuple(sorted(messages, key=attrgetter("position")))
