"""Defines the requests that begin a reply, and their result."""

from datetime import UTC, datetime

from attrs import evolve, frozen

from chatcore.conversations.changes import UNSET, Unset
from chatcore.conversations.message import ConversationId, Message, MessageId, Role, Status
from chatcore.replies.generation_request import GenerationRequest
from chatcore.replies.idempotency import IdempotencyKey
from chatcore.replies.lease import Lease, OwnerId
from chatcore.replies.orphans import PriorState
from chatcore.user import UserId


@frozen(kw_only=True)
class NewReply:
    """Describes a reply to begin."""

    user_id: UserId
    conversation_id: ConversationId
    #: The id of the new reply, chosen by the caller: a repeat with the same ids begins the same reply.
    reply_id: MessageId
    owner_id: OwnerId
    #: Maximum number of messages of history to return, including the message to be answered.
    history_limit: int
    #: Maximum number of running replies of this user, including this one; even concurrent requests cannot exceed it.
    max_generations: int
    idempotency_key: IdempotencyKey | None
    #: What the model is asked for, for a process that takes the reply over.
    request: GenerationRequest
    now: datetime

    def reply(self, *, answers: MessageId, position: int, model_tag: str) -> Message:
        """Returns the reply as it is stored: empty and streaming."""
        return Message(
            id=self.reply_id,
            conversation_id=self.conversation_id,
            user_id=self.user_id,
            parent_id=answers,
            position=position,
            role=Role.ASSISTANT,
            content="",
            created_at=self.now.astimezone(UTC),
            status=Status.STREAMING,
            token_count=None,
            model_tag=model_tag,
            inference_time_ms=None,
        )

    def lease(self, *, epoch: int) -> Lease:
        """Returns the lease under which the reply is generated."""
        return Lease(
            user_id=self.user_id,
            conversation_id=self.conversation_id,
            message_id=self.reply_id,
            owner_id=self.owner_id,
            epoch=epoch,
        )


@frozen(kw_only=True)
class NewRegeneration(NewReply):
    """Describes another reply to the newest user message at or above a message, by default the head."""

    #: A user message, or the reply beside which the new one stands; None for the head.
    message_id: MessageId | None = None


@frozen(kw_only=True)
class NewContinuation(NewReply):
    """Describes the continuation of a reply: `reply_id` is the id of the reply.

    The request of another continuation of the reply has another :attr:`GenerationRequest.attempt`.
    """

    @staticmethod
    def continued(reply: Message) -> Message:
        """Returns the reply as it is stored when its continuation begins: streaming again, with its whole log."""
        return evolve(
            reply,
            status=Status.STREAMING,
            error=None,
            token_count=None,
            inference_time_ms=None,
            finish_reason=None,
            cuts=(*reply.cuts, reply.log_length),
        )


@frozen(kw_only=True)
class NewTurn(NewReply):
    """Describes a user message to append to a path, and the reply to begin for it."""

    #: The id of the new user message, also chosen by the caller.
    user_message_id: MessageId
    content: str
    #: The message that the new one follows; None for the root, and UNSET for the head.
    parent_id: MessageId | Unset | None = UNSET
    #: The title that the conversation gets if it still has the default title; None to leave the title as it is.
    title: str | None

    def user_message(self, *, follows: MessageId | None, position: int, model_tag: str) -> Message:
        """Returns the user message as it is stored."""
        return Message(
            id=self.user_message_id,
            conversation_id=self.conversation_id,
            user_id=self.user_id,
            parent_id=follows,
            position=position,
            role=Role.USER,
            content=self.content,
            created_at=self.now.astimezone(UTC),
            model_tag=model_tag,
        )


@frozen(kw_only=True)
class AcceptedTurn:
    """A turn that is stored."""

    user_message: Message
    reply: Message
    #: The lease to generate the reply. None when an idempotency key led to a turn that was begun before, and when a
    #: repeat comes after the lease was lost or the reply ended.
    lease: Lease | None
    #: The newest messages of the active path, oldest first: at most `history_limit` of them, ending with the user
    #: message. The tuple is empty without a lease.
    history: tuple[Message, ...]
    #: The instructions of the conversation; None if it has none, and without a lease.
    instructions: str | None = None
    #: Where the part of the log begins that was requested, in code points: 0, or the length of the continued reply.
    begins_at: int = 0
    #: The state of the reply before a continuation; None if nothing is continued, and without a lease.
    prior: PriorState | None = None
