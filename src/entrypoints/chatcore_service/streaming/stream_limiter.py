"""Limits how many streams a user may have open over all processes."""

from random import uniform
from typing import Final

from chatcore import UserId
from chatcore.ports import Clock
from chatcore_service.http.refusals import TooManyStreamsError
from chatcore_service.streaming.cluster_stream_counts import ClusterStreamCounts

#: Range of the delay before the second check of the counts, which every refusal requires. The delay is long enough to
#: learn of a stream that has just ended on another process, whose reader may have moved here. The delay is random, so
#: that one of two readers that compete for the last slot usually gets the slot.
SECOND_LOOK_SECONDS: Final = (0.2, 0.6)


class StreamLimiter:
    """Grants slots for streams, up to the limit of each user."""

    def __init__(self, max_per_user: int, *, cluster_counts: ClusterStreamCounts, clock: Clock) -> None:
        self._max_per_user = max_per_user
        self._cluster_counts = cluster_counts
        self._clock = clock

    async def take(self, user_id: UserId) -> "Slot":
        """Takes a slot for one more stream of the user, by the known counts.

        The call waits only if the known counts exceed the limit. The counts may lack streams that other processes have
        just opened; a caller that needs the newest counts also calls :meth:`Slot.confirm`.

        Raises:
            TooManyStreamsError: the user has as many streams as allowed.
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
        """Checks the user's limit against the newest counts; see :meth:`Slot.confirm`."""
        await self._cluster_counts.refresh(user_id)
        if self._is_past_limit(user_id):
            await self._clock.sleep(uniform(*SECOND_LOOK_SECONDS))  # noqa: S311 - not a secret
            await self._cluster_counts.refresh(user_id)
        if self._is_past_limit(user_id):
            raise TooManyStreamsError

    def give_back(self, user_id: UserId) -> None:
        """Returns the slot of one stream of the user."""
        self._cluster_counts.remove(user_id)

    def _is_past_limit(self, user_id: UserId) -> bool:
        return self._cluster_counts.everywhere(user_id) > self._max_per_user


class Slot:
    """Grants the right to open one stream."""

    __slots__ = ("_is_taken", "_limiter", "_user_id")

    def __init__(self, limiter: StreamLimiter, user_id: UserId) -> None:
        self._limiter = limiter
        self._user_id = user_id
        self._is_taken = True

    async def confirm(self) -> None:
        """Checks the limit against the newest counts of all processes; succeeds during an outage of the storage.

        Raises:
            TooManyStreamsError: the user has more streams than allowed. The slot must still be released.
        """
        await self._limiter.confirm(self._user_id)

    def release(self) -> None:
        """Gives the slot back. A second call has no effect."""
        if self._is_taken:
            self._is_taken = False
            self._limiter.give_back(self._user_id)
