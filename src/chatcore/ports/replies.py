"""Defines the port that stores replies while they are generated."""

from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from attrs import frozen

from chatcore.conversations.log import Stretch
from chatcore.conversations.message import ConversationId, Message, MessageId
from chatcore.ports.new_reply import AcceptedTurn, NewContinuation, NewRegeneration, NewTurn
from chatcore.replies.lease import FinalState, Lease, LeaseStatus, OwnerId, Progress
from chatcore.replies.orphans import OrphanedReply, ResumedReply, Resumption
from chatcore.user import UserId


@frozen(kw_only=True)
class DeltaReader:
    """A reader of a reply that another process generates."""

    user_id: UserId
    conversation_id: ConversationId
    message_id: MessageId
    #: How much of the log the reader already has, in code points.
    position: int
    #: How much more of the log the reader accepts now, in code points; at least 1.
    room: int


@frozen
class DeltaRead:
    """What one reader receives."""

    #: The stored log from the reader's position on, at most as much as the reader has room for, except that a data part
    #: is never divided; empty when there is nothing yet.
    stretches: Sequence[Stretch]
    #: Where the stretches end in the log, in code points: the end of the stored log, or the end of the reader's room if
    #: that comes first. It is less than the reader's position if the reader has more than survived.
    end_position: int
    #: Whether the reply is still running; when it is not, the message has the whole log.
    is_live: bool
    #: The number of the reply's generation, from 1; 0 if the reply does not run.
    generation: int = 0


class ReplyStore(Protocol):
    """Stores replies while they are generated. :class:`chatcore.ports.Storage` states the rules for every method.

    Raises:
        StorageUnavailableError: from every method, when the storage is unreachable, overloaded or read-only.
    """

    async def begin_turn(self, turn: NewTurn) -> AcceptedTurn:
        """Appends the user message and an empty, streaming reply, and grants the lease, atomically.

        The message follows `turn.parent_id`, by default the head. If that is a failed reply, the message follows that
        reply's question and so takes the failed reply off the active path. The new reply follows the message, becomes
        the head, and gets the model tag of the conversation. `updated_at` moves to `turn.now`, never backwards. The
        title is set if the turn has one and the conversation still has the default title. The idempotency key, if any,
        is recorded. When the key is known with the same fingerprint, nothing changes, and the turn that was recorded
        for the key is returned as it is now; this check precedes every refusal but the last. Turns and regenerations
        share their keys.

        Raises:
            ConversationNotFoundError: the user has no such conversation.
            InvalidInputError: `turn.parent_id` is no message of the conversation.
            GenerationInProgressError: the conversation has a running reply.
            TooManyGenerationsError: the user has `max_generations` running replies. If one of them is in this
                conversation, GenerationInProgressError takes precedence, unless the other conversations alone have
                `max_generations` running replies.
            IdempotencyKeyReusedError: the key was recorded with another fingerprint.
        """
        ...

    async def interrupt(
        self,
        new: NewTurn | NewRegeneration,
        running_id: MessageId,
        decide: Callable[[OrphanedReply], FinalState],
    ) -> AcceptedTurn:
        """Ends the reply `running_id` if it still runs, and begins the turn or regeneration, in one transaction.

        The running reply is ended as by :meth:`recover`, with the text of its deltas, and its owner loses its
        lease. The new reply is then begun as by :meth:`begin_turn` or :meth:`begin_regeneration`. No other reply begins
        between the two. If the new reply is refused or was begun before, the running reply goes on.

        Raises:
            GenerationInProgressError: the conversation has another running reply.
            ConversationNotFoundError, InvalidInputError, NothingToRegenerateError, TooManyGenerationsError,
                IdempotencyKeyReusedError: as from the method that begins the reply.
        """
        ...

    async def begin_regeneration(self, regeneration: NewRegeneration) -> AcceptedTurn:
        """Appends an empty, streaming reply beside another one, makes it the head, and grants the lease.

        The new reply answers the newest user message at or above `regeneration.message_id`, by default the head. The
        old replies stay. If the final state of the new reply says so, the head returns to where it was, unless that is
        the user message itself or a reply to the same message with nothing to see: then the new reply stays the head.
        The idempotency key has the meaning that it has for :meth:`begin_turn`.

        Raises:
            ConversationNotFoundError: the user has no such conversation.
            InvalidInputError: `regeneration.message_id` is no message of the conversation.
            NothingToRegenerateError: there is no user message at or above that message.
            GenerationInProgressError: the conversation has a running reply.
            TooManyGenerationsError: the user has `max_generations` running replies; see :meth:`begin_turn`.
            IdempotencyKeyReusedError: the key was recorded with another fingerprint.
        """
        ...

    async def begin_continuation(self, continuation: NewContinuation) -> AcceptedTurn:
        """Makes a reply go on that has ended: streaming again, with its whole log, as the head of its conversation.

        The reply must be interrupted, stopped, or complete because it had reached its length, and no message may follow
        it. Its next generation begins at the end of its log; the place is kept with the reply as a cut. If the final
        state of the continuation says so, the head returns to where it was. `updated_at` moves to `continuation.now`,
        never backwards. The idempotency key has the meaning that it has for :meth:`begin_turn`. The epoch of the lease
        exceeds those of all earlier leases of the reply.

        Raises:
            MessageNotFoundError: the user's conversation has no such reply.
            NotContinuableError: the reply has ended in another way, or has messages below it.
            GenerationInProgressError: the conversation has a running reply.
            TooManyGenerationsError: the user has `max_generations` running replies; see :meth:`begin_turn`.
            IdempotencyKeyReusedError: the key was recorded with another fingerprint.
        """
        ...

    async def get_message(self, user_id: UserId, conversation_id: ConversationId, message_id: MessageId) -> Message:
        """Returns one message of a conversation; a running reply has the text that is stored so far.

        Raises:
            MessageNotFoundError: the user's conversation has no such message.
        """
        ...

    async def request_stop(self, user_id: UserId, conversation_id: ConversationId, message_id: MessageId) -> Message:
        """Asks the owner of a reply, in whichever process, to stop; returns the message as it is stored.

        The owner learns of the request at its next checkpoint. A reply that has ended is left unchanged.

        Raises:
            MessageNotFoundError: the user's conversation has no such message.
        """
        ...

    async def checkpoint(self, owner_id: OwnerId, parts: Sequence[Progress]) -> Sequence[LeaseStatus]:
        """Stores new text and pieces of replies, renews leases and reports their status, in one round trip for all.

        A part is stored only if its lease is the current one. A part that was stored before, with the same offset,
        is not stored again: a repeat must carry the same text and the same pieces. Leases are renewed to
        LEASE_SECONDS from now, by the storage's clock.

        Returns:
            A status for each part, in the order of `parts`; LOST where the lease is no longer the current one.
        """
        ...

    async def finish(self, lease: Lease, final_state: FinalState) -> bool:
        """Writes the final state of a reply, with its last pieces, ends its generation and deletes its deltas.

        `updated_at` moves to `final_state.ended_at`, never backwards. The head returns if the final state says so
        and the head still is this reply.

        Returns:
            Whether the reply now has this final state. False when the lease is not the current one and the message
            does not have this final state: the reply was deleted or taken over.
        """
        ...

    async def claim_expired(
        self, owner_id: OwnerId, running: Collection[MessageId], limit: int, *, only_given_up: bool = False
    ) -> Sequence[Lease]:
        """Takes over replies of all users whose lease has expired: raises their epoch and renews their lease.

        Each lease that expired is counted with the reply; one that was given up is taken over and not counted.

        A reply that `owner_id` itself owns is taken only if it is not in `running`. When several processes sweep at
        once, each reply goes to one of them.

        Args:
            owner_id: the process that takes the replies over.
            running: the replies that the process generates.
            limit: most replies to take over.
            only_given_up: whether replies are left alone whose lease has expired without being given up.

        Returns:
            The new leases, at most `limit`.
        """
        ...

    async def recover(
        self, lease: Lease, decide: Callable[[OrphanedReply], FinalState | Resumption], *, history_limit: int = 1
    ) -> FinalState | ResumedReply | None:
        """Finishes or resumes an orphaned reply that was taken over, with the text of its deltas.

        The call reads the stored text under a lock that admits no later delta, and calls `decide`, which must be pure:
        it may be called more than once. A final state is written as :meth:`finish` does. For a resumption, the log
        after the cut is deleted, and the reply's next generation begins at the cut, which is kept with the reply.

        Args:
            lease: the lease of the takeover.
            decide: the function that decides what becomes of the reply.
            history_limit: the maximum number of messages of history to return for a resumption.

        Returns:
            The final state or the resumed reply; None when the lease is not the current one.
        """
        ...

    async def hand_over(self, part: Progress) -> bool:
        """Stores the last text and pieces of a reply as :meth:`checkpoint` does and gives the lease up, atomically.

        Another process may take the reply over at once, and the lease does not count as expired.

        Returns:
            Whether the lease was the current one. A repeat returns True as long as no process has taken the reply over.
        """
        ...

    async def read_deltas(self, readers: Sequence[DeltaReader]) -> Sequence[DeltaRead]:
        """Returns what each reader is missing and has room for, in the order of `readers`, in one round trip.

        What a reader has no room for is not fetched, since it may be a million characters, four times a second.

        A reply that does not exist, or belongs to another user, reads as ended and without a log.
        """
        ...

    async def purge_idempotency_keys(self, age_seconds: float, limit: int) -> int:
        """Deletes at most `limit` keys, of all users, that were recorded `age_seconds` ago or earlier.

        The storage's clock decides when a key was recorded and how old it is, because the clocks of two processes
        differ.

        Returns:
            The number of deleted keys.
        """
        ...

    async def ping(self) -> None:
        """Returns when the storage answers.

        Raises:
            StorageUnavailableError: the storage did not answer within a few seconds.
        """
        ...
