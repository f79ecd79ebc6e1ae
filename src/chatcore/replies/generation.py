"""A generation: one reply in the making, in the process that makes it."""

import asyncio
from datetime import datetime
from enum import StrEnum

from chatcore.conversations.message import Status
from chatcore.replies.lease import RENEWAL_SECONDS, FinalState, Lease, LeaseStatus, Progress
from chatcore.replies.transcript import Transcript
from chatcore.reply_error import ReplyError

# In UTF-8.
_MOST_BYTES_A_CHAR = 4


class CancelReason(StrEnum):
    """Why a generation was ended before its closing frame came."""

    #: The user asked for it.
    STOPPED = "stopped"
    #: The process is shutting down.
    DRAINED = "drained"
    #: More text waits for the storage than may be held in memory.
    OVERFLOWED = "overflowed"
    #: It was deleted, or another process took it over: nothing of it may be written any more.
    LOST = "lost"


class Generation:
    """One reply in the making.

    It knows its transcript, how much of that is stored, and how it is to end; it does no I/O. The
    :class:`chatcore.replies.generation_runner.GenerationRunner` runs it.
    """

    __slots__ = (
        "_checkpoint_waiter",
        "_in_flight",
        "_inference",
        "_is_being_stored",
        "_renewed_at",
        "_stored",
        "cancel_reason",
        "failures",
        "is_finishing",
        "lease",
        "replaces",
        "started_at",
        "trace_id",
        "transcript",
    )

    def __init__(
        self,
        lease: Lease,
        transcript: Transcript,
        *,
        started_at: float,
        replaces: bool = False,
        trace_id: str | None = None,
    ) -> None:
        self.lease = lease
        #: Monotonic seconds.
        self.started_at = started_at
        #: Whether it is made beside an earlier reply that is still there.
        self.replaces = replaces
        self.trace_id = trace_id
        self.transcript = transcript
        self.cancel_reason: CancelReason | None = None
        #: Whether the final state is being written just now: a checkpoint would only get in its way.
        self.is_finishing = False
        #: How many checkpoints of this generation have failed in a row.
        self.failures = 0
        self._stored = 0
        self._in_flight = ""
        self._is_being_stored = False
        # Made when somebody waits: most never do, and there is one for every reply.
        self._checkpoint_waiter: asyncio.Event | None = None
        self._renewed_at = started_at
        self._inference: asyncio.Task[None] | None = None

    # -- The inference call ---------------------------------------------------------------------------------------

    def attach(self, task: "asyncio.Task[None]") -> None:
        """From here on `task` waits for the inference service, and :meth:`cancel` may cancel it."""
        self._inference = task

    def detach(self) -> None:
        """The inference call is over; nothing is to be cancelled and nothing comes in any more."""
        self._inference = None
        self.transcript.seal()

    def cancel(self, reason: CancelReason) -> None:
        """Ends the inference call; what has come is kept. May be called again: a cancellation can get lost."""
        if self.cancel_reason is None or reason is CancelReason.LOST:
            self.cancel_reason = reason
        if not self.transcript.is_sealed:
            self.transcript.seal()
        if self._inference is not None:
            self._inference.cancel()

    def is_cancelled(self) -> bool:
        """Whether it is to end before its closing frame."""
        return self.cancel_reason is not None

    @property
    def is_lost(self) -> bool:
        """Whether nothing of it may be written any more."""
        return self.cancel_reason is CancelReason.LOST

    # -- Checkpoints ----------------------------------------------------------------------------------------------

    @property
    def is_to_be_stored(self) -> bool:
        """Whether it goes along with checkpoints: neither is its final state being written, nor is it over."""
        return not self.is_finishing and self.transcript.end is None

    def progress(self, monotonic: float) -> Progress:
        """What the next checkpoint is to store. The same text again until it is confirmed.

        Whether a checkpoint that failed took effect is unknown; only the same text at the same offset can be
        sent again without harm.
        """
        if not self._in_flight:
            self._in_flight = self.transcript.text(self._stored)
        self._is_being_stored = True
        return Progress(
            lease=self.lease,
            start_offset=self._stored,
            text=self._in_flight,
            renew=monotonic - self._renewed_at >= RENEWAL_SECONDS,
        )

    def confirm(self, part: Progress, status: LeaseStatus, monotonic: float) -> None:
        """A checkpoint told how things stand."""
        self.failures = 0
        if status is LeaseStatus.LOST:
            self.cancel(CancelReason.LOST)
            return
        self._stored = part.start_offset + len(part.text)
        self._in_flight = ""
        if part.renew:
            self._renewed_at = monotonic
        if status is LeaseStatus.STOP_REQUESTED:
            self.cancel(CancelReason.STOPPED)

    def fail(self) -> None:
        """A checkpoint failed; its text stays in flight."""
        self.failures += 1

    def checkpoint_ended(self) -> None:
        """No checkpoint is under way."""
        self._is_being_stored = False
        if self._checkpoint_waiter is not None:
            self._checkpoint_waiter.set()
            self._checkpoint_waiter = None

    async def wait_for_checkpoint(self) -> None:
        """Returns when no checkpoint of this generation is under way."""
        while self._is_being_stored:
            self._checkpoint_waiter = self._checkpoint_waiter or asyncio.Event()
            await self._checkpoint_waiter.wait()

    @property
    def unstored_bytes(self) -> int:
        """How much text waits for the storage, in bytes of UTF-8."""
        return len(self.transcript.text(self._stored).encode())

    def holds_more_than(self, max_bytes: int) -> bool:
        """Whether more text than that waits for the storage."""
        # Asked of every generation while the storage is away, and nearly always told without looking at the text.
        unstored_chars = self.transcript.length - self._stored
        return unstored_chars * _MOST_BYTES_A_CHAR > max_bytes and self.unstored_bytes > max_bytes

    # -- The end --------------------------------------------------------------------------------------------------

    def final_state(self, error: ReplyError | None, *, now: datetime, monotonic: float) -> FinalState:
        """The final state, given how the inference call ended."""
        text = self.transcript.text()
        status, shown_error = self._outcome(error, has_text=bool(text))
        return FinalState(
            status=status,
            content=text,
            error=shown_error,
            token_count=self.transcript.token_count,
            inference_time_ms=round((monotonic - self.started_at) * 1000),
            returns_head=returns_head(status, has_text=bool(text), replaces=self.replaces),
            ended_at=now,
        )

    def _outcome(self, error: ReplyError | None, *, has_text: bool) -> tuple[Status, ReplyError | None]:
        if self.transcript.is_closed:
            return Status.COMPLETE, None
        if self.cancel_reason is CancelReason.STOPPED:
            return Status.STOPPED, ReplyError.STOPPED
        return broken_off(has_text=has_text), error or ReplyError.INFERENCE_INTERRUPTED


def broken_off(*, has_text: bool) -> Status:
    """The status of a reply whose end never came."""
    return Status.INTERRUPTED if has_text else Status.FAILED


def returns_head(status: Status, *, has_text: bool, replaces: bool) -> bool:
    """Whether the conversation's head goes back to where it was before a reply that ends so.

    What failed is not shown. What was stopped is, for its user saw it and ended it; but if there is nothing to show of
    it, it does not stand in the way of an earlier reply that it was to replace.
    """
    return status is Status.FAILED or (replaces and status is Status.STOPPED and not has_text)
