"""How many streams a user may have open, over all processes."""

from random import uniform
from typing import Final

from chatcore import UserId
from chatcore.ports import Clock
from chatcore_service.http.refusals import TooManyStreamsError
from chatcore_service.streaming.cluster_stream_counts import ClusterStreamCounts

#: Between the two looks that a refusal takes: long enough to hear of a stream that has just ended elsewhere, whose
#: reader may have come here from there. Not the same for everybody: of two who want the last slot, one mostly gets it.
SECOND_LOOK_SECONDS: Final = (0.2, 0.6)


class StreamLimiter:
    """Grants the right to streams."""

    def __init__(self, max_per_user: int, *, cluster_counts: ClusterStreamCounts, clock: Clock) -> None:
        self._max_per_user = max_per_user
        self._cluster_counts = cluster_counts
        self._clock = clock

    async def take(self, user_id: UserId) -> "Slot":
        """One more stream of this user, as far as is known.

        Waits for nothing, unless it looks as if the user had too many. Streams that were opened elsewhere within the
        last moments may be missing; where that matters, have the slot confirmed.

        Raises:
            TooManyStreamsError: the user has as many as are allowed.
        """
        if self._cluster_counts.here(user_id) >= self._max_per_user:
            raise TooManyStreamsError
        slot = Slot(self, user_id)
        self._cluster_counts.add(user_id)
        try:
            if self._is_past_limit(user_id):
                await self.confirm(user_id)
        except BaseException:
            slot.release()
            raise
        return slot

    async def confirm(self, user_id: UserId) -> None:
        """See :meth:`Slot.confirm`."""
        await self._cluster_counts.refresh(user_id)
        if self._is_past_limit(user_id):
            await self._clock.sleep(uniform(*SECOND_LOOK_SECONDS))  # noqa: S311 - no secret
            await self._cluster_counts.refresh(user_id)
        if self._is_past_limit(user_id):
            raise TooManyStreamsError

    def give_back(self, user_id: UserId) -> None:
        """One stream less of this user."""
        self._cluster_counts.remove(user_id)

    def _is_past_limit(self, user_id: UserId) -> bool:
        return self._cluster_counts.everywhere(user_id) > self._max_per_user


class Slot:
    """The right to one stream."""

    __slots__ = ("_is_taken", "_limiter", "_user_id")

    def __init__(self, limiter: StreamLimiter, user_id: UserId) -> None:
        self._limiter = limiter
        self._user_id = user_id
        self._is_taken = True

    async def confirm(self) -> None:
        """Looks once more, at the newest counts of all processes; a storage that is away refuses nobody.

        Raises:
            TooManyStreamsError: the user has more than are allowed. The slot is still to be released.
        """
        await self._limiter.confirm(self._user_id)

    def release(self) -> None:
        """Gives it back; again does nothing."""
        if self._is_taken:
            self._is_taken = False
            self._limiter.give_back(self._user_id)
