"""The storage port."""

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from typing import Protocol

from attrs import frozen

from chatcore.conversations.conversation import Conversation, OpenConversation
from chatcore.conversations.listing import Page, PageRequest
from chatcore.conversations.message import ConversationId, Message, MessageId, Role, Status
from chatcore.replies.idempotency import IdempotencyKey
from chatcore.replies.lease import FinalState, Lease, LeaseStatus, OrphanedReply, OwnerId, Progress
from chatcore.user import UserId


@frozen(kw_only=True)
class NewReply:
    """A reply that is to be begun."""

    user_id: UserId
    conversation_id: ConversationId
    #: The new reply's id, chosen by the caller: a repeat with the same ids is the same beginning.
    reply_id: MessageId
    owner_id: OwnerId
    #: Most messages of history to return, the message to be answered included.
    history_limit: int
    #: Most replies in the making this user may have, this one included; never exceeded, whatever races.
    max_generations: int
    now: datetime

    def reply(self, *, answers: MessageId, position: int, model_tag: str) -> Message:
        """The reply as it is stored: empty, and streaming."""
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
            model_tag=model_tag,
        )

    def lease(self, *, epoch: int) -> Lease:
        """The right to make the reply."""
        return Lease(
            user_id=self.user_id,
            conversation_id=self.conversation_id,
            message_id=self.reply_id,
            owner_id=self.owner_id,
            epoch=epoch,
        )


@frozen(kw_only=True)
class NewRegeneration(NewReply):
    """A reply that is to be begun for the last user message of the active path."""


@frozen(kw_only=True)
class NewTurn(NewReply):
    """A user message that is to be appended to the active path, and the reply that is to be begun for it."""

    #: The new user message's id, chosen by the caller likewise.
    user_message_id: MessageId
    content: str
    #: The title that the conversation gets if it is empty and still has the default one.
    title: str
    idempotency_key: IdempotencyKey | None

    def user_message(self, *, follows: MessageId | None, position: int) -> Message:
        """The user message as it is stored."""
        return Message(
            id=self.user_message_id,
            conversation_id=self.conversation_id,
            user_id=self.user_id,
            parent_id=follows,
            position=position,
            role=Role.USER,
            content=self.content,
            created_at=self.now.astimezone(UTC),
        )


@frozen(kw_only=True)
class AcceptedTurn:
    """A turn that is stored."""

    user_message: Message
    reply: Message
    #: The right to generate the reply; None when an idempotency key led to a turn that was begun before, and when
    #: a repeat comes after the lease was lost or the reply ended.
    lease: Lease | None
    #: The newest messages of the active path, oldest first: at most `history_limit` of them, ending with the user
    #: message. Empty without a lease.
    history: tuple[Message, ...]


@frozen(kw_only=True)
class DeltaReader:
    """A reader of a reply that another process makes."""

    user_id: UserId
    conversation_id: ConversationId
    message_id: MessageId
    #: How much it has, in code points.
    offset: int
    #: Most that it takes now, in code points; at least 1.
    room: int


@frozen
class DeltaRead:
    """What a reader gets."""

    #: The stored text from the reader's offset on, as much as the reader has room for; empty when there is none yet.
    text: str
    #: How far the stored text goes, in code points from its beginning, or the reader's room if that ends before: where
    #: `text` ends. Less than the reader's offset when it was shown more than survived.
    end_offset: int
    #: Whether the reply is still being made; when not, the message has all of it.
    is_live: bool


class Storage(Protocol):
    """Keeps conversations, and the replies that are being made.

    Shared rules. Every method names the user and touches nothing of another's; what belongs to another user is
    absent. (Three concern no single user: `claim_expired`, `purge_idempotency_keys` and `ping`.) Every method that
    writes is one transaction and may be repeated with the same arguments when it failed with
    StorageUnavailableError: repeats converge to the effect of one. Text is stored and returned exactly, code point
    for code point. Instants come back in UTC.

    Raises:
        StorageUnavailableError: any method, when the storage is away, overloaded or read-only.
    """

    async def create_conversation(self, conversation: Conversation) -> None:
        """Stores a new, empty conversation. One that is there under this id already is left as it is."""
        ...

    async def list_conversations(self, user_id: UserId, request: PageRequest) -> Page:
        """The user's conversations, newest `updated_at` first, ties by id downwards; at most `request.limit`.

        The page's `next_cursor` is None exactly when nothing comes after it.
        """
        ...

    async def open_conversation(self, user_id: UserId, conversation_id: ConversationId) -> OpenConversation:
        """A conversation with all messages of its tree, by position.

        The text of a reply that is being made is empty here: it is in the stream.

        Raises:
            ConversationNotFoundError: this user has no such conversation.
        """
        ...

    async def rename_conversation(
        self, user_id: UserId, conversation_id: ConversationId, title: str, now: datetime
    ) -> Conversation:
        """Gives a conversation the title its user chose; returns it as it is then.

        Raises:
            ConversationNotFoundError: this user has no such conversation.
        """
        ...

    async def delete_conversation(self, user_id: UserId, conversation_id: ConversationId) -> None:
        """Deletes a conversation with all that belongs to it: messages, a reply in the making, keys.

        Raises:
            ConversationNotFoundError: this user has no such conversation, or no longer.
        """
        ...

    async def begin_turn(self, turn: NewTurn) -> AcceptedTurn:
        """Appends the user message and an empty, streaming reply; grants the lease. All of it or nothing.

        The message follows the head; the reply follows the message and becomes the head, which goes back to the
        message should the reply come to nothing. The reply has the conversation's model tag. `updated_at` moves
        to `turn.now`, never backwards. The title is set if it is the default and this is the first message. The
        idempotency key, if any, is recorded. A key that is known, with the same fingerprint, changes nothing
        and returns the turn it was recorded for, as it is now; this comes before every refusal but the last.

        Raises:
            ConversationNotFoundError: this user has no such conversation.
            GenerationInProgressError: the conversation has a reply in the making.
            TooManyGenerationsError: the user has `max_generations` replies in the making.
            IdempotencyKeyReusedError: the key was recorded with another fingerprint.
        """
        ...

    async def begin_regeneration(self, regeneration: NewRegeneration) -> AcceptedTurn:
        """Appends an empty, streaming reply beside the last one, and makes it the head; grants the lease.

        It answers the newest user message of the active path: the one the head replies to, or the head itself
        when its reply failed. What was there stays there, and is where the head goes back to should the new
        reply come to nothing.

        Raises:
            ConversationNotFoundError: this user has no such conversation.
            NothingToRegenerateError: the active path has no user message.
            GenerationInProgressError: the conversation has a reply in the making.
            TooManyGenerationsError: the user has `max_generations` replies in the making.
        """
        ...

    async def get_message(self, user_id: UserId, conversation_id: ConversationId, message_id: MessageId) -> Message:
        """One message of a conversation.

        Raises:
            MessageNotFoundError: this user's conversation has no such message.
        """
        ...

    async def request_stop(self, user_id: UserId, conversation_id: ConversationId, message_id: MessageId) -> Message:
        """Asks the owner of a reply, whichever process that is, to stop; returns the message as it is.

        The owner learns of it at its next checkpoint. A reply that has ended is left alone.

        Raises:
            MessageNotFoundError: this user's conversation has no such message.
        """
        ...

    async def checkpoint(self, owner_id: OwnerId, parts: Sequence[Progress]) -> Sequence[LeaseStatus]:
        """Stores new text of replies, renews leases, and tells how things stand; one round trip for all.

        A part is stored only if its lease is the present one. A part that was stored before, with the same
        offset, is not stored again: a repeat must carry the same text for the same offset. Leases are renewed
        to LEASE_SECONDS from now, in the storage's time.

        Returns:
            A status for each part, in their order; LOST for those whose lease is no longer the present one.
        """
        ...

    async def finish(self, lease: Lease, final_state: FinalState) -> bool:
        """Writes a reply's final state and ends its generation; the deltas go.

        `updated_at` moves to `final_state.ended_at`, never backwards. The head goes back, if it is to and still is
        this reply.

        Returns:
            Whether the reply now has this final_state. False when the lease is not the present one and the message
            does not have this final_state: deleted, or taken over.
        """
        ...

    async def claim_expired(self, owner_id: OwnerId, running: Collection[MessageId], limit: int) -> Sequence[Lease]:
        """Takes over replies whose lease has run out, of all users: raises their epoch, renews their lease.

        A reply that `owner_id` itself owns is taken only if it is not in `running`. Of several processes that
        sweep at once, each reply goes to one.

        Returns:
            The new leases, at most `limit`.
        """
        ...

    async def finish_orphan(self, lease: Lease, decide: Callable[[OrphanedReply], FinalState]) -> FinalState | None:
        """Finishes a reply that was taken over, from its deltas.

        Reads the stored text under a lock that lets no delta slip in afterwards, asks `decide` for the final_state
        that this makes, and writes it as :meth:`finish` does. `decide` is pure and may be called again.

        Returns:
            The final state; None when the lease is not the present one.
        """
        ...

    async def read_deltas(self, readers: Sequence[DeltaReader]) -> Sequence[DeltaRead]:
        """What each reader has not seen and has room for, in the order of `readers`; one round trip for all.

        What a reader has no room for is not fetched: it may be a million characters, four times a second.

        A reply that does not exist, or is another user's, reads as ended with no text.
        """
        ...

    async def purge_idempotency_keys(self, before: datetime, limit: int) -> int:
        """Forgets keys recorded before an instant, of all users, at most `limit`; returns how many."""
        ...

    async def ping(self) -> None:
        """Returns when the storage answers.

        Raises:
            StorageUnavailableError: it does not, within a few seconds.
        """
        ...
