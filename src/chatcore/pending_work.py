"""Looks for pending work: rows in the storage that wait until some process sees to them.

Every process sweeps, and does whatever is due. A kind of work is a :class:`Chore`.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from random import uniform

from attrs import define, field

from chatcore.ports import Clock, Observer, Storage

#: The average time from one sweep to the next.
SWEEP_SECONDS = 1.0
#: The time between two looks for rows that are old enough to be deleted.
PURGE_SECONDS = 30.0
# The jitter spreads the sweeps of processes that were started together.
_JITTER = 0.2
# The time between two checks whether the storage is available again.
_PROBE_SECONDS = 1.0
_PURGED_AT_ONCE = 1000


@define
class Chore:
    """A kind of pending work.

    Args:
        work: does what there is to do, in small transactions. The function raises if the storage fails.
        every_seconds: the shortest time between two calls of `work`; 0 for a call in every sweep.
    """

    work: Callable[[], Awaitable[None]]
    every_seconds: float = 0.0
    _begun_at: float | None = field(default=None, init=False)

    async def do_if_due(self, monotonic: float) -> None:
        """Calls `work` unless the last call began less than `every_seconds` ago."""
        if self._begun_at is None or monotonic - self._begun_at >= self.every_seconds:
            self._begun_at = monotonic
            await self.work()


def purge(delete: Callable[[float, int], Awaitable[int]], *, age: timedelta) -> Chore:
    """Returns the chore that deletes rows of a certain age.

    Args:
        delete: deletes rows of an age in seconds, at most as many as the second argument says, and returns how many.
        age: the age from which on rows are deleted.
    """

    async def work() -> None:
        while await delete(age.total_seconds(), _PURGED_AT_ONCE) == _PURGED_AT_ONCE:
            pass

    return Chore(work, PURGE_SECONDS)


class PendingWork:
    """Sweeps until it is cancelled.

    Args:
        chores: the kinds of work, in the order in which a sweep does them.
        storage: the storage that is probed after a failure, until it answers.
        clock: the clock to wait by.
        observer: where failures are reported.
        is_draining: says whether this process shuts down. Then it begins no work, since it could not finish it.
        on_return: is called before the first sweep, and whenever the storage has been away and is back.
        jitter: returns a random factor between two numbers.
    """

    def __init__(
        self,
        chores: Sequence[Chore],
        *,
        storage: Storage,
        clock: Clock,
        observer: Observer,
        is_draining: Callable[[], bool],
        on_return: Callable[[], None],
        jitter: Callable[[float, float], float] = uniform,
    ) -> None:
        self._chores = chores
        self._storage = storage
        self._clock = clock
        self._observer = observer
        self._is_draining = is_draining
        self._on_return = on_return
        self._jitter = jitter

    async def run(self) -> None:
        """Sweeps until the task is cancelled."""
        # This process may have been started right after an outage of the storage.
        self._on_return()
        while True:
            await self._clock.sleep(SWEEP_SECONDS * self._jitter(1 - _JITTER, 1 + _JITTER))
            if not await self.sweep():
                await self._until_storage_is_back()
                self._on_return()

    async def sweep(self) -> bool:
        """Does all work that is due; returns False if any of it failed. The method never raises."""
        if self._is_draining():
            return True
        # Work that fails again and again must not keep the rest from being done.
        return all([await self._succeeds(chore) for chore in self._chores])

    async def _succeeds(self, chore: Chore) -> bool:
        try:
            await chore.do_if_due(self._clock.monotonic())
        except Exception as error:  # noqa: BLE001 - the next sweep retries
            self._observer.failed("sweeping", error)
            return False
        return True

    async def _until_storage_is_back(self) -> None:
        while True:
            try:
                return await self._storage.ping()
            except Exception as error:  # noqa: BLE001 - after any error, sweeping must resume later
                self._observer.failed("sweeping", error)
            await self._clock.sleep(_PROBE_SECONDS)
