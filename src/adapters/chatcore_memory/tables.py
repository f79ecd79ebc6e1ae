"""Stores the rows of an in-memory storage, and finds them by their keys."""

from collections.abc import Iterable, Sequence

from attrs import Factory, define, evolve, frozen

from chatcore.conversations.conversation import Conversation, active_path
from chatcore.conversations.log import Log, Piece, text_offset_at
from chatcore.conversations.message import ConversationId, Message, MessageId
from chatcore.conversations.path import unknown_message
from chatcore.errors import (
    ConversationNotFoundError,
    GenerationInProgressError,
    IdempotencyKeyReusedError,
    MessageNotFoundError,
    TooManyGenerationsError,
)
from chatcore.ports.clock import Clock
from chatcore.ports.new_reply import NewReply
from chatcore.replies.generation_request import GenerationRequest
from chatcore.replies.lease import LEASE_SECONDS, Lease
from chatcore.replies.orphans import OrphanedReply, PriorState, Resumption
from chatcore.user import UserId


@define(kw_only=True)
class GenerationRow:
    """A running reply."""

    #: The current lease.
    lease: Lease
    #: The head to which the conversation returns if the reply does not take the place of an earlier one.
    return_head_id: MessageId
    #: Whether the reply stands beside an earlier reply.
    replaces: bool
    #: When the lease expires, in seconds of the storage's clock.
    lease_until: float
    #: What the model was asked for.
    request: GenerationRequest
    is_stop_requested: bool = False
    #: The number of the reply's generation, from 1.
    number: int = 1
    #: Where the text of the request begins.
    begins_at: int = 0
    #: How many leases have expired since the request.
    expired_leases: int = 0
    #: The state before the request, if the request continues a reply.
    prior: PriorState | None = None
    #: Stretches of text by their offset, in code points, each with its number of tokens.
    deltas: dict[int, tuple[str, int]] = Factory(dict[int, tuple[str, int]])
    #: What is not text, by its position in the log.
    pieces: dict[int, Piece] = Factory(dict[int, Piece])

    @property
    def text(self) -> str:
        """Returns the text that is stored so far."""
        return "".join(text for _, (text, _) in sorted(self.deltas.items()))

    def token_count(self, offset: int = 0) -> int:
        """Returns the number of tokens that are stored from an offset on."""
        return sum(tokens for start, (_, tokens) in self.deltas.items() if start >= offset)

    @property
    def log(self) -> Log:
        """Returns the log that is stored so far."""
        return Log(self.text, tuple(piece for _, piece in sorted(self.pieces.items())))

    def add_pieces(self, pieces: Iterable[Piece]) -> None:
        """Stores pieces, unless they are stored already."""
        for piece in pieces:
            self.pieces.setdefault(piece.position, piece)

    def drop_pieces(self, position: int) -> None:
        """Deletes the pieces from a position on, at which a part of the log ends."""
        self.pieces = {start: piece for start, piece in self.pieces.items() if start < position}

    def drop_after(self, resumption: Resumption) -> None:
        """Deletes the log from a cut on, at which a delta ends."""
        self.deltas = {start: delta for start, delta in self.deltas.items() if start < resumption.text_cut}
        self.drop_pieces(resumption.cut)

    def orphan(self) -> OrphanedReply:
        """Returns the reply as another process finds it."""
        return OrphanedReply(
            text=self.text,
            stop_requested=self.is_stop_requested,
            replaces=self.replaces,
            token_count=self.token_count(),
            request=self.request,
            begins_at=self.begins_at,
            new_token_count=self.token_count(text_offset_at(self.begins_at, self.log.pieces)),
            expired_leases=self.expired_leases,
            prior=self.prior,
            pieces=tuple(self.log.pieces),
        )


@frozen(kw_only=True)
class RecordedKey:
    """An idempotency key and the turn that it was recorded for."""

    fingerprint: bytes
    conversation_id: ConversationId
    user_message_id: MessageId
    reply_id: MessageId
    #: When the key was recorded, in seconds of the storage's clock.
    recorded_at: float
    #: Where the text of the request begins in the reply.
    begins_at: int = 0


@frozen
class Deletion:
    """The deletion of a conversation."""

    #: Its place in the sequence of all changes.
    number: int
    #: When the conversation was deleted, in seconds of the storage's clock.
    deleted_at: float


@define
class Tables:
    """Stores rows by their keys. Every key begins with the user, so no row can be looked up without a user."""

    _clock: Clock
    conversations: dict[tuple[UserId, ConversationId], Conversation] = Factory(
        dict[tuple[UserId, ConversationId], Conversation]
    )
    #: The messages of each conversation, ordered by position.
    messages: dict[tuple[UserId, ConversationId], list[Message]] = Factory(
        dict[tuple[UserId, ConversationId], list[Message]]
    )
    #: The position of the next message of each conversation; a deleted message's is not given away again.
    next_positions: dict[tuple[UserId, ConversationId], int] = Factory(dict[tuple[UserId, ConversationId], int])
    #: The running replies, at most one for each conversation by construction.
    generations: dict[tuple[UserId, ConversationId], GenerationRow] = Factory(
        dict[tuple[UserId, ConversationId], GenerationRow]
    )
    #: What replies cost.
    usages: dict[tuple[UserId, MessageId], str] = Factory(dict[tuple[UserId, MessageId], str])
    keys: dict[tuple[UserId, str], RecordedKey] = Factory(dict[tuple[UserId, str], RecordedKey])
    #: How many changes of conversations there were so far.
    change_count: int = 0
    #: The number of the last change of each conversation.
    changes: dict[tuple[UserId, ConversationId], int] = Factory(dict[tuple[UserId, ConversationId], int])
    deletions: dict[tuple[UserId, ConversationId], Deletion] = Factory(dict[tuple[UserId, ConversationId], Deletion])

    def conversation(self, user_id: UserId, conversation_id: ConversationId) -> Conversation:
        """Returns a conversation of the user.

        Raises:
            ConversationNotFoundError: the user has no such conversation.
        """
        try:
            return self.conversations[user_id, conversation_id]
        except KeyError:
            raise ConversationNotFoundError from None

    def message(self, user_id: UserId, conversation_id: ConversationId, message_id: MessageId) -> Message:
        """Returns a message of a conversation of the user.

        Raises:
            MessageNotFoundError: the conversation has no such message.
        """
        for message in self.messages.get((user_id, conversation_id), ()):
            if message.id == message_id:
                return message
        raise MessageNotFoundError

    def with_stored_text(self, message: Message) -> Message:
        """Returns the message; that of a running reply has the text that is stored so far."""
        generation = self.generations.get((message.user_id, message.conversation_id))
        if generation is None or generation.lease.message_id != message.id:
            return message
        log = generation.log
        return evolve(message, content=log.text, pieces=tuple(log.pieces))

    def has_message(self, user_id: UserId, conversation_id: ConversationId, message_id: MessageId) -> bool:
        """Returns whether a conversation of the user has this message."""
        return any(message.id == message_id for message in self.messages.get((user_id, conversation_id), ()))

    def require_message(
        self, user_id: UserId, conversation_id: ConversationId, message_id: MessageId, field: str
    ) -> None:
        """Checks that a conversation of the user has the message that a field names.

        Raises:
            InvalidInputError: it has no such message.
        """
        if not self.has_message(user_id, conversation_id, message_id):
            raise unknown_message(field)

    def path(self, conversation: Conversation) -> tuple[Message, ...]:
        """Returns the active path of a conversation."""
        return active_path(self.messages[conversation.user_id, conversation.id], conversation.head_id)

    def path_to(
        self, user_id: UserId, conversation_id: ConversationId, message_id: MessageId | None
    ) -> Sequence[Message]:
        """Returns the path that ends with a message; a running reply has the text that is stored so far."""
        path = active_path(self.messages[user_id, conversation_id], message_id)
        return [self.with_stored_text(message) for message in path]

    def leased(self, lease: Lease) -> GenerationRow | None:
        """Returns the generation that has this lease as its current one, or None if there is none."""
        generation = self.generations.get((lease.user_id, lease.conversation_id))
        return generation if generation is not None and generation.lease == lease else None

    def lease_until(self) -> float:
        """Returns when a lease expires that is granted or renewed now."""
        return self._clock.monotonic() + LEASE_SECONDS

    def require_room(self, new: NewReply, ending_id: MessageId | None = None) -> None:
        """Checks that a reply may begin once the reply `ending_id` has ended.

        Raises:
            TooManyGenerationsError: as many replies of the user run as are permitted.
            GenerationInProgressError: a reply runs in the conversation.
        """
        running = self.generations.get((new.user_id, new.conversation_id))
        elsewhere = sum(owner == new.user_id for owner, _ in self.generations) - (running is not None)
        if elsewhere >= new.max_generations:
            raise TooManyGenerationsError(new.max_generations)
        if running is not None and running.lease.message_id != ending_id:
            raise GenerationInProgressError(new.conversation_id, running.lease.message_id)

    def recorded_key(self, new: NewReply) -> RecordedKey | None:
        """Returns what is recorded for the idempotency key of a request, or None if the key is new or there is none.

        Raises:
            IdempotencyKeyReusedError: the key was recorded for another request.
        """
        if new.idempotency_key is None:
            return None
        recorded = self.keys.get((new.user_id, new.idempotency_key.key))
        if recorded is not None and recorded.fingerprint != new.idempotency_key.fingerprint:
            raise IdempotencyKeyReusedError
        return recorded

    def record_key(self, new: NewReply, question_id: MessageId, *, begins_at: int = 0) -> None:
        """Records the idempotency key of a request, if it has one, for the reply to the message `question_id`."""
        if new.idempotency_key is not None:
            self.keys[new.user_id, new.idempotency_key.key] = RecordedKey(
                fingerprint=new.idempotency_key.fingerprint,
                conversation_id=new.conversation_id,
                user_message_id=question_id,
                reply_id=new.reply_id,
                recorded_at=self._clock.monotonic(),
                begins_at=begins_at,
            )

    def store(self, conversation: Conversation) -> Conversation:
        """Replaces the stored conversation, whose `updated_at` never moves backwards; returns the result."""
        before = self.conversations[conversation.user_id, conversation.id]
        kept = evolve(conversation, updated_at=max(before.updated_at, conversation.updated_at))
        self.insert(kept)
        return kept

    def insert(self, conversation: Conversation) -> None:
        """Stores the conversation as it is, which is a change."""
        key = (conversation.user_id, conversation.id)
        self.conversations[key] = conversation
        self.change_count += 1
        self.changes[key] = self.change_count

    def next_position(self, user_id: UserId, conversation_id: ConversationId) -> int:
        """Returns the position of the next message."""
        return self.next_positions.get((user_id, conversation_id), 1)

    def append(self, message: Message) -> None:
        """Stores a message at the next position."""
        key = (message.user_id, message.conversation_id)
        self.messages[key].append(message)
        self.next_positions[key] = message.position + 1

    def replace(self, message: Message) -> None:
        """Replaces the message with the same id."""
        messages = self.messages[message.user_id, message.conversation_id]
        messages[next(index for index, stored in enumerate(messages) if stored.id == message.id)] = message

    def forget_usages(self, user_id: UserId, message_ids: Iterable[MessageId]) -> None:
        """Deletes what replies cost."""
        for message_id in message_ids:
            self.usages.pop((user_id, message_id), None)

    def drop(self, conversation: Conversation) -> None:
        """Deletes a conversation with everything that belongs to it."""
        key = (conversation.user_id, conversation.id)
        del self.conversations[key]
        del self.changes[key]
        self.change_count += 1
        self.deletions[key] = Deletion(self.change_count, self._clock.monotonic())
        self.forget_usages(conversation.user_id, [message.id for message in self.messages.pop(key)])
        self.next_positions.pop(key, None)
        self.generations.pop(key, None)
        self.keys = {
            (user_id, name): recorded
            for (user_id, name), recorded in self.keys.items()
            if (user_id, recorded.conversation_id) != key
        }
