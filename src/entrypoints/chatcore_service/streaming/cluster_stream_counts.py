"""Counts the open streams of each user over all processes of the service.

A process publishes its changed counts at most ten times a second, with one statement for all users, and renews all
counts before they expire. The statement returns the counts of the other processes, which are used until the next
exchange. No request waits for an exchange unless it calls :meth:`ClusterStreamCounts.refresh`.
"""

import asyncio
from collections import Counter
from collections.abc import Collection, Coroutine, Mapping
from contextvars import Context
from typing import Any, Final
from uuid import uuid4

from chatcore import UserId
from chatcore.ports import COUNT_RENEWAL_SECONDS, COUNT_SECONDS, Clock, Observer, ProcessId, StreamCounts
from chatcore.timed_wait import wait_at_most
from chatcore_service.clock_timeout import clock_timeout

#: Interval at which changed counts are published.
TICK_SECONDS: Final = 0.1
#: Time that a refresh waits for the newest counts, before the known counts are used.
PATIENCE_SECONDS: Final = 0.5
#: Delay between a failed exchange and the next attempt.
RETRY_SECONDS: Final = 1.0
#: Time that the withdrawal of all counts may take at shutdown.
FAREWELL_SECONDS: Final = 1.0

# Expired counts of dead processes are deleted at this interval, in batches of this size.
_CLEANUP_SECONDS: Final = 60.0
_CLEANUP_BATCH: Final = 1000


class ClusterStreamCounts:
    """Counts open streams by user, and runs no task and no statement while no stream is open."""

    def __init__(self, *, counts: StreamCounts, clock: Clock, observer: Observer) -> None:
        self._process_id = ProcessId(uuid4())
        self._counts = counts
        self._clock = clock
        self._observer = observer
        self._here: Counter[UserId] = Counter()
        self._elsewhere: dict[UserId, int] = {}
        self._known_until = 0.0
        #: Users whose counts this process may have published.
        self._published: set[UserId] = set()
        #: Users whose counts must be published or fetched.
        self._due: set[UserId] = set()
        self._renew_at = 0.0
        self._retry_at = 0.0
        self._cleanup_at = clock.monotonic() + _CLEANUP_SECONDS
        self._is_failing = False
        self._is_closed = False
        self._exchanging = asyncio.Lock()
        #: An exchange that has not begun yet, and will include all counts that become due before its start.
        self._queued: asyncio.Task[None] | None = None
        # The event loop keeps only weak references to tasks.
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_ticking = False

    def here(self, user_id: UserId) -> int:
        """Returns the exact number of streams that the user has open on this process."""
        return self._here[user_id]

    def everywhere(self, user_id: UserId) -> int:
        """Returns how many streams the user has open on all processes, by the known counts that have not expired."""
        is_known = self._clock.monotonic() < self._known_until
        return self._here[user_id] + (self._elsewhere.get(user_id, 0) if is_known else 0)

    def add(self, user_id: UserId) -> None:
        """Counts a stream that the user has opened on this process."""
        self._here[user_id] += 1
        self._change(user_id)

    def remove(self, user_id: UserId) -> None:
        """Counts a stream that the user has closed on this process."""
        self._here[user_id] -= 1
        if not self._here[user_id]:
            del self._here[user_id]
            self._elsewhere.pop(user_id, None)
        self._change(user_id)

    async def refresh(self, user_id: UserId) -> None:
        """Fetches the user's counts of the other processes; gives up after `PATIENCE_SECONDS`, and during an outage.

        The user must have a stream on this process, which may be about to open.
        """
        if self._is_failing or self._is_closed:
            return
        self._due.add(user_id)
        # The exchange continues if this caller is cancelled, because other callers wait for the exchange.
        await wait_at_most([self._queue_exchange()], seconds=PATIENCE_SECONDS, clock=self._clock)

    async def close(self) -> None:
        """Ends all tasks and withdraws the counts of this process."""
        self._is_closed = True
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        if self._published:
            try:
                async with clock_timeout(self._clock, FAREWELL_SECONDS):
                    await self._counts.exchange_stream_counts(self._process_id, dict.fromkeys(self._published, 0))
            except Exception as error:  # noqa: BLE001 - the counts expire by themselves
                self._observer.failed("taking back stream counts", error)

    # -- Publishing -----------------------------------------------------------------------------------------------

    def _change(self, user_id: UserId) -> None:
        self._due.add(user_id)
        if not self._is_ticking and not self._is_closed:
            self._is_ticking = True
            self._start(self._tick_on(), "counting streams")

    async def _tick_on(self) -> None:
        try:
            while self._here or self._published or self._due:
                # The wait comes first, so that publishing does not compete with the start of a stream.
                await self._clock.sleep(TICK_SECONDS)
                now = self._clock.monotonic()
                if (self._due or now >= self._renew_at) and now >= self._retry_at:
                    self._queue_exchange()
        finally:
            self._is_ticking = False

    def _queue_exchange(self) -> "asyncio.Task[None]":
        if self._queued is None:
            self._queued = self._start(self._exchange_next(), "exchanging stream counts")
        return self._queued

    def _start(self, work: Coroutine[Any, Any, None], name: str) -> "asyncio.Task[None]":
        # The context is empty, because the task works for all users, and not only for the request that started it.
        task = asyncio.create_task(work, name=name, context=Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _exchange_next(self) -> None:
        async with self._exchanging:
            # Later callers need another exchange, because this exchange may read counts from before their call.
            self._queued = None
            users = self._take_due()
            try:
                await self._exchange({user_id: self._here[user_id] for user_id in users})
                await self._delete_expired()
            except Exception as error:  # noqa: BLE001 - after any failure counting must resume
                self._fail(users, error)
            else:
                self._is_failing = False

    def _take_due(self) -> Collection[UserId]:
        now = self._clock.monotonic()
        # A user without a stream at both this exchange and the last one is not published.
        users = {user_id for user_id in self._due if user_id in self._here or user_id in self._published}
        if now >= self._renew_at:
            users |= self._here.keys() | self._published
            self._renew_at = now + COUNT_RENEWAL_SECONDS
        self._due.clear()
        return users

    async def _exchange(self, counts: Mapping[UserId, int]) -> None:
        if not counts:
            return
        # The users are added before the statement, because the database may store the counts of a failed exchange.
        self._published.update(counts)
        elsewhere = await self._counts.exchange_stream_counts(self._process_id, counts)
        self._known_until = self._clock.monotonic() + COUNT_SECONDS
        for user_id, count in counts.items():
            if not count:
                self._published.discard(user_id)
            if user_id in self._here:
                self._elsewhere[user_id] = elsewhere.get(user_id, 0)

    async def _delete_expired(self) -> None:
        now = self._clock.monotonic()
        if now >= self._cleanup_at:
            self._cleanup_at = now + _CLEANUP_SECONDS
            await self._counts.forget_stream_counts(_CLEANUP_BATCH)

    def _fail(self, users: Collection[UserId], error: Exception) -> None:
        self._is_failing = True
        self._due.update(users)
        now = self._clock.monotonic()
        self._retry_at = now + RETRY_SECONDS
        # A database may come back from an outage without the counts.
        self._renew_at = now
        self._observer.failed("counting streams", error)
