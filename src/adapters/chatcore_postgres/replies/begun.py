"""Reads the result of a statement that begins a reply."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from operator import attrgetter
from uuid import UUID

from attrs import fields, frozen

from chatcore.conversations.message import Message, MessageId
from chatcore.conversations.path import unknown_message
from chatcore.errors import (
    ChatError,
    ConversationNotFoundError,
    GenerationInProgressError,
    IdempotencyKeyReusedError,
    MessageNotFoundError,
    NotContinuableError,
    NothingToRegenerateError,
    TooManyGenerationsError,
)
from chatcore.ports.new_reply import AcceptedTurn, NewContinuation, NewReply, NewTurn
from chatcore.replies.lease import Lease
from chatcore_postgres.driver.database import Row
from chatcore_postgres.replies.prior_state import to_prior_state
from chatcore_postgres.rows import to_messages

_REFUSALS: Mapping[str, Callable[[], ChatError]] = {
    "absent": ConversationNotFoundError,
    "key_reused": IdempotencyKeyReusedError,
    "missing": MessageNotFoundError,
    "no_message": partial(unknown_message, "message_id"),
    "no_parent": partial(unknown_message, "parent_id"),
    "not_continuable": NotContinuableError,
    "nothing": NothingToRegenerateError,
}


@frozen
class BeginOutcome:
    """The outcome of a statement that begins a reply, from the columns that are the same in all rows of the result."""

    outcome: str
    user_message_id: MessageId
    reply_id: MessageId
    #: The running reply of the conversation, if there is one, and its epoch if this owner generates it.
    running_id: MessageId | None
    epoch: int | None
    #: Where the text of the request begins, and the state of the reply before a continuation, in JSON.
    begins_at: int
    restores: str | None
    #: The message that a new user message follows.
    question_parent_id: MessageId | None
    #: The position and the model tag of the reply that was stored just now.
    reply_position: int
    model_tag: str


# The columns of the outcome are followed by the instructions, and these by the columns of the message.
_OUTCOME_COLUMNS = len(fields(BeginOutcome))
_INSTRUCTIONS = _OUTCOME_COLUMNS
_MESSAGE = _INSTRUCTIONS + 1


def accepted(new: NewReply, rows: Sequence[Row]) -> AcceptedTurn:
    """Returns the accepted turn that the rows of a result describe.

    Raises:
        ChatError: the reply was refused; the port says with which errors.
    """
    begun = BeginOutcome(*rows[0][:_OUTCOME_COLUMNS])
    lease = _granted(new, begun)
    messages = _said(new, rows)
    if begun.outcome == "accepted":
        messages |= {message.id: message for message in _stored(new, begun, messages)}
    reply = messages.pop(begun.reply_id)
    return AcceptedTurn(
        user_message=messages[begun.user_message_id],
        reply=reply,
        lease=lease,
        history=tuple(sorted(messages.values(), key=attrgetter("position"))) if lease else (),
        instructions=_instructions(rows) if lease else None,
        begins_at=begun.begins_at,
        prior=to_prior_state(begun.restores) if lease else None,
    )


def _granted(new: NewReply, begun: BeginOutcome) -> Lease | None:
    """Returns the lease, or None if no lease was granted.

    Raises:
        ChatError: the reply was refused.
    """
    match begun.outcome:
        case "accepted":
            return new.lease(epoch=begun.epoch or 1)
        case "repeated" if begun.running_id == new.reply_id and begun.epoch is not None:
            return new.lease(epoch=begun.epoch)
        case "repeated" | "replayed":
            return None
        case "busy" if begun.running_id is not None:
            raise GenerationInProgressError(new.conversation_id, begun.running_id)
        case "full":
            raise TooManyGenerationsError(new.max_generations)
        case outcome:
            raise _refusal(outcome)


def _refusal(outcome: str) -> ChatError:
    return _REFUSALS[outcome]()


def _said(new: NewReply, rows: Sequence[Row]) -> dict[UUID, Message]:
    """Returns the messages of the result by their ids."""
    found = [row[_MESSAGE:] for row in rows if row[_MESSAGE] is not None]
    return {message.id: message for message in to_messages(new.user_id, new.conversation_id, found)}


def _instructions(rows: Sequence[Row]) -> str | None:
    return next((row[_INSTRUCTIONS] for row in rows if row[_INSTRUCTIONS] is not None), None)


def _stored(new: NewReply, begun: BeginOutcome, found: Mapping[UUID, Message]) -> Iterable[Message]:
    """Returns the messages as they were stored just now, which the statement does not see."""
    if isinstance(new, NewContinuation):
        yield new.continued(found[new.reply_id])
        return
    if isinstance(new, NewTurn):
        yield new.user_message(
            follows=begun.question_parent_id, position=begun.reply_position - 1, model_tag=begun.model_tag
        )
    yield new.reply(answers=begun.user_message_id, position=begun.reply_position, model_tag=begun.model_tag)
