"""Tracks one generation: a reply that this process generates."""

import asyncio
from datetime import datetime
from enum import StrEnum

from attrs import evolve, frozen

from chatcore.conversations.log import EMPTY_LOG, Log, Piece, bytes_of, shows_data, text_offset_at
from chatcore.conversations.message import Status
from chatcore.replies.lease import RENEWAL_SECONDS, FinalState, Lease, LeaseStatus, Progress
from chatcore.replies.orphans import PriorState
from chatcore.replies.outcomes import broken_off, restored, returns_head
from chatcore.replies.transcript import Transcript
from chatcore.reply_error import ReplyError

# UTF-8 uses at most this many bytes for a code point.
_MAX_BYTES_PER_CHAR = 4


class CancelReason(StrEnum):
    """Tells why a generation was cancelled before its closing frame arrived."""

    #: The user stopped the reply.
    STOPPED = "stopped"
    #: The process is shutting down.
    DRAINED = "drained"
    #: The generation had more unstored text than may be kept in memory.
    OVERFLOWED = "overflowed"
    #: The reply was deleted, or another process took it over; this process may not write to it any more.
    LOST = "lost"


@frozen(kw_only=True)
class Beginning:
    """Describes what a reply has when a generation of it begins."""

    #: What earlier generations have left, all of which is stored.
    log: Log = EMPTY_LOG
    #: How many tokens the text consists of.
    token_count: int = 0
    #: Where each generation after the first began, this one included, in code points of the log.
    cuts: tuple[int, ...] = ()
    #: Whether the reply is a regeneration beside an earlier reply.
    replaces: bool = False
    #: The final state before the request, and the length of the log then, if the request continues a reply.
    prior: PriorState | None = None
    prior_length: int = 0

    @property
    def number(self) -> int:
        """Returns the number of the generation, from 1."""
        return len(self.cuts) + 1

    @property
    def prior_text_length(self) -> int:
        """Returns how much text the reply had before the request, in code points."""
        return text_offset_at(self.prior_length, self.log.pieces)


#: A reply that has nothing yet.
AT_FIRST = Beginning()


class Generation:
    """Keeps the state of one generation: its transcript, how much of it is stored, and why it was cancelled.

    A generation does no I/O; :class:`chatcore.replies.generation_runner.GenerationRunner` runs it.
    """

    __slots__ = (
        "_checkpoint_waiter",
        "_in_flight",
        "_in_flight_pieces",
        "_in_flight_tokens",
        "_inference",
        "_is_being_stored",
        "_renewed_at",
        "_stored",
        "_stored_other",
        "_stored_tokens",
        "beginning",
        "cancel_reason",
        "failures",
        "is_finishing",
        "lease",
        "shown_error",
        "started_at",
        "task",
        "trace_id",
        "transcript",
    )

    def __init__(
        self,
        lease: Lease,
        transcript: Transcript,
        *,
        started_at: float,
        beginning: Beginning = AT_FIRST,
        trace_id: str | None = None,
    ) -> None:
        self.lease = lease
        #: When the generation started, in monotonic seconds of the clock port.
        self.started_at = started_at
        self.beginning = beginning
        self.trace_id = trace_id
        self.transcript = transcript
        #: The task that runs the generation to its final state; None before the runner has started it.
        self.task: asyncio.Task[None] | None = None
        self.cancel_reason: CancelReason | None = None
        #: Whether the final state is being written; a checkpoint would only interfere with the write.
        self.is_finishing = False
        #: How many checkpoints of this generation have failed in a row.
        self.failures = 0
        #: The error that readers are told at the end; :meth:`final_state` sets it.
        self.shown_error: ReplyError | None = None
        # How much is stored of the text, and of everything else, in code points.
        self._stored = len(beginning.log.text)
        self._stored_other = beginning.log.length - self._stored
        self._stored_tokens = 0
        self._in_flight = ""
        self._in_flight_pieces: tuple[Piece, ...] = ()
        self._in_flight_tokens = 0
        self._is_being_stored = False
        # The event is created only when a task waits for it, which is rare.
        self._checkpoint_waiter: asyncio.Event | None = None
        self._renewed_at = started_at
        self._inference: asyncio.Task[None] | None = None

    # -- The inference call ---------------------------------------------------------------------------------------

    def attach(self, task: "asyncio.Task[None]") -> None:
        """Registers `task` as the inference call, so that :meth:`cancel` can cancel it."""
        self._inference = task

    def detach(self) -> None:
        """Ends the inference call: it cannot be cancelled any more, and the transcript is sealed."""
        self._inference = None
        self.transcript.seal()

    def cancel(self, reason: CancelReason) -> None:
        """Cancels the inference call and keeps the text so far. A repeat is allowed, as a cancellation can get lost."""
        if self.cancel_reason is None or reason is CancelReason.LOST:
            self.cancel_reason = reason
        if not self.transcript.is_sealed:
            self.transcript.seal()
        if self._inference is not None:
            self._inference.cancel()

    def is_cancelled(self) -> bool:
        """Returns whether the generation was cancelled."""
        return self.cancel_reason is not None

    @property
    def is_lost(self) -> bool:
        """Returns whether this process may not write to the reply any more."""
        return self.cancel_reason is CancelReason.LOST

    # -- Checkpoints ----------------------------------------------------------------------------------------------

    @property
    def is_to_be_stored(self) -> bool:
        """Returns whether checkpoints include the generation: it has not ended and is not writing its final state."""
        return not self.is_finishing and self.transcript.end is None

    def progress(self, monotonic: float) -> Progress:
        """Returns what the next checkpoint stores, which stays the same until a checkpoint is confirmed.

        Whether a failed checkpoint took effect is unknown. Only the same text and pieces at the same positions can be
        sent again safely.
        """
        if not self._in_flight and not self._in_flight_pieces:
            self._in_flight = self.transcript.text(self._stored)
            self._in_flight_pieces = self.transcript.log.pieces(self._stored + self._stored_other)
            # Tokens without text, such as empty ones, are stored with the next text.
            self._in_flight_tokens = self.transcript.token_count - self._stored_tokens if self._in_flight else 0
        self._is_being_stored = True
        return Progress(
            lease=self.lease,
            start_offset=self._stored,
            text=self._in_flight,
            token_count=self._in_flight_tokens,
            renew=monotonic - self._renewed_at >= RENEWAL_SECONDS,
            pieces=self._in_flight_pieces,
        )

    def confirm(self, part: Progress, status: LeaseStatus, monotonic: float) -> None:
        """Records that a checkpoint of `part` succeeded and returned `status`."""
        self.failures = 0
        if status is LeaseStatus.LOST:
            self.cancel(CancelReason.LOST)
            return
        self._stored = part.start_offset + len(part.text)
        self._stored_tokens += part.token_count
        self._in_flight = ""
        if part.pieces:
            self._stored_other += _length_of(part.pieces)
            self._in_flight_pieces = ()
        if part.renew:
            self._renewed_at = monotonic
        if status is LeaseStatus.STOP_REQUESTED:
            self.cancel(CancelReason.STOPPED)

    def is_last(self, part: Progress) -> bool:
        """Returns whether everything is stored once `part` is."""
        stored = part.start_offset + len(part.text) + self._stored_other + _length_of(part.pieces)
        return stored == self.transcript.length

    def fail(self) -> None:
        """Records that a checkpoint failed; the next checkpoint sends the same text."""
        self.failures += 1

    def checkpoint_ended(self) -> None:
        """Records that no checkpoint is in progress, and wakes the waiter."""
        self._is_being_stored = False
        if self._checkpoint_waiter is not None:
            self._checkpoint_waiter.set()
            self._checkpoint_waiter = None

    async def wait_for_checkpoint(self) -> None:
        """Returns when no checkpoint of this generation is in progress."""
        while self._is_being_stored:
            self._checkpoint_waiter = self._checkpoint_waiter or asyncio.Event()
            await self._checkpoint_waiter.wait()

    @property
    def unstored_bytes(self) -> int:
        """Returns how much of the log is not stored yet, in bytes of UTF-8."""
        pieces = self.transcript.log.pieces(self._stored + self._stored_other)
        return len(self.transcript.text(self._stored).encode()) + (bytes_of(pieces) or 0)

    def holds_more_than(self, max_bytes: int) -> bool:
        """Returns whether more than `max_bytes` of the log are not stored yet."""
        # The method is called for every generation while the storage is unavailable; usually the length alone decides.
        unstored_chars = self.transcript.length - self._stored - self._stored_other
        return unstored_chars * _MAX_BYTES_PER_CHAR > max_bytes and self.unstored_bytes > max_bytes

    # -- The end --------------------------------------------------------------------------------------------------

    def final_state(self, error: ReplyError | None, *, now: datetime, monotonic: float) -> FinalState:
        """Returns the final state, given the error with which the inference call ended.

        An error after the closing frame is one that the closing frame reports, so the reply is not complete.
        """
        text, pieces = self.transcript.text(), self.transcript.log.pieces()
        before = self.beginning
        status, shown_error = self._outcome(error, has_text=bool(text))
        self.shown_error = shown_error
        if before.prior is not None and len(text) == before.prior_text_length:
            # Readers are told that what the continuation has brought is not part of the reply.
            self.transcript.log.drop_pieces(before.prior_length)
            final_state = restored(before.prior, Log(text, pieces), before.prior_length, now=now)
            return evolve(final_state, generation=before.number)
        is_complete = status is Status.COMPLETE
        time_before = 0 if before.prior is None else before.prior.inference_time_ms
        return FinalState(
            status=status,
            content=text,
            error=shown_error,
            token_count=before.token_count + self._token_count,
            inference_time_ms=time_before + round((monotonic - self.started_at) * 1000),
            returns_head=returns_head(status, text, shows_data=shows_data(pieces), replaces=before.replaces),
            ended_at=now,
            finish_reason=self.transcript.finish_reason if is_complete else None,
            usage=self.transcript.usage if is_complete else None,
            pieces=self._unconfirmed_pieces(),
            pieces_bytes=bytes_of(pieces),
            generation=before.number,
        )

    def _unconfirmed_pieces(self) -> tuple[Piece, ...]:
        # A checkpoint whose answer was lost may have stored its pieces, so they are sent again as they were.
        in_flight = self._in_flight_pieces
        end = self._stored + self._stored_other
        if in_flight:
            end = in_flight[-1].end
        return in_flight + self.transcript.log.pieces(end)

    @property
    def _token_count(self) -> int:
        stated = self.transcript.stated_token_count
        return self.transcript.token_count if stated is None else stated

    def _outcome(self, error: ReplyError | None, *, has_text: bool) -> tuple[Status, ReplyError | None]:
        if self.transcript.is_closed and error is None:
            return Status.COMPLETE, None
        if self.cancel_reason is CancelReason.STOPPED:
            return Status.STOPPED, ReplyError.STOPPED
        return broken_off(has_text=has_text), error or ReplyError.INFERENCE_INTERRUPTED


def _length_of(pieces: tuple[Piece, ...]) -> int:
    return sum(len(piece.body) for piece in pieces)
