"""From a turn to the parameters of its statement, and from the statement's rows to what was accepted."""

from collections.abc import Sequence

from chatcore.errors import (
    ConversationNotFoundError,
    GenerationInProgressError,
    IdempotencyKeyReusedError,
    NothingToRegenerateError,
    TooManyGenerationsError,
)
from chatcore.lease import LEASE_SECONDS, Lease
from chatcore.ports.storage import AcceptedTurn, NewRegeneration, NewReply, NewTurn
from chatcore_postgres.database import Database, Parameters, Row
from chatcore_postgres.rows import to_messages
from chatcore_postgres.statements import turns

# Columns before those of the message: outcome, user_message_id, reply_id, running_id, epoch.
_VERDICT_COLUMNS = 5
# Beyond it an integer has another type.
_MOST_SMALLINT = 0x7FFF


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
    outcome, user_message_id, reply_id, running_id, epoch = rows[0][:_VERDICT_COLUMNS]
    lease: Lease | None = None
    match outcome:
        case "accepted":
            lease = _lease(turn, epoch=1)
        case "repeated" if running_id == turn.reply_id and epoch is not None:
            lease = _lease(turn, epoch=epoch)
        case "repeated" | "replayed":
            pass
        case "key_reused":
            raise IdempotencyKeyReusedError
        case "nothing":
            raise NothingToRegenerateError
        case "busy":
            raise GenerationInProgressError(turn.conversation_id, running_id)
        case "full":
            raise TooManyGenerationsError(turn.max_generations)
        case _:
            raise ConversationNotFoundError
    messages = to_messages(turn.user_id, turn.conversation_id, [row[_VERDICT_COLUMNS:] for row in rows])
    by_id = {message.id: message for message in messages}
    return AcceptedTurn(
        user_message=by_id[user_message_id],
        reply=by_id[reply_id],
        lease=lease,
        history=tuple(message for message in messages if message.id != reply_id) if lease else (),
    )


def _lease(turn: NewReply, *, epoch: int) -> Lease:
    return Lease(
        user_id=turn.user_id,
        conversation_id=turn.conversation_id,
        message_id=turn.reply_id,
        owner_id=turn.owner_id,
        epoch=epoch,
    )
