"""The cluster_counts: how many streams users have open, here and on other processes.

Every process tells what has changed ten times a second at most, all users in one go, and tells all of it again before
the others would forget it. What it learns of the others in return is what is known of them until the next time. Nobody
waits for any of this but who asks to.
"""

import asyncio
from collections import Counter
from collections.abc import Collection, Coroutine, Mapping
from contextlib import suppress
from contextvars import Context
from typing import Any, Final
from uuid import uuid4

from chatcore import UserId
from chatcore.ports import COUNT_RENEWAL_SECONDS, COUNT_SECONDS, Clock, Observer, ProcessId, StreamCounts
from chatcore_service.clock_timeout import clock_timeout

#: From one look at what there is to tell to the next.
TICK_SECONDS: Final = 0.1
#: How long whoever asks for the newest counts waits for them; then what is known must do.
PATIENCE_SECONDS: Final = 0.5
#: From a failure to the next try.
RETRY_SECONDS: Final = 1.0
#: How long taking everything back may take at the end.
FAREWELL_SECONDS: Final = 1.0

_FORGET_SECONDS: Final = 60.0
_FORGOTTEN_AT_ONCE: Final = 1000


class ClusterStreamCounts:
    """Counts open streams by user. There is no task, and no statement, while nobody has one open."""

    def __init__(self, *, counts: StreamCounts, clock: Clock, observer: Observer) -> None:
        self._process_id = ProcessId(uuid4())
        self._counts = counts
        self._clock = clock
        self._observer = observer
        self._here: Counter[UserId] = Counter()
        self._elsewhere: dict[UserId, int] = {}
        self._known_until = 0.0
        #: Whom the others may have heard of from here.
        self._told: set[UserId] = set()
        #: Whom there is something to tell of, or to ask.
        self._due: set[UserId] = set()
        self._renew_at = 0.0
        self._retry_at = 0.0
        self._forget_at = clock.monotonic() + _FORGET_SECONDS
        self._is_failing = False
        self._is_closed = False
        self._exchanging = asyncio.Lock()
        #: An exchange that has not begun yet: what is due now goes along.
        self._queued: asyncio.Task[None] | None = None
        # The event loop holds tasks weakly.
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_ticking = False

    def here(self, user_id: UserId) -> int:
        """How many streams the user has open on this process; always right."""
        return self._here[user_id]

    def everywhere(self, user_id: UserId) -> int:
        """How many the user has open in all, as far as is known here; what is too old is not known any more."""
        is_known = self._clock.monotonic() < self._known_until
        return self._here[user_id] + (self._elsewhere.get(user_id, 0) if is_known else 0)

    def add(self, user_id: UserId) -> None:
        """The user has one more here."""
        self._here[user_id] += 1
        self._change(user_id)

    def remove(self, user_id: UserId) -> None:
        """The user has one less here."""
        self._here[user_id] -= 1
        if not self._here[user_id]:
            del self._here[user_id]
            self._elsewhere.pop(user_id, None)
        self._change(user_id)

    async def refresh(self, user_id: UserId) -> None:
        """Returns when the others' counts of a user are newer than this call, or cannot be had within a moment.

        The user must have a stream here, which may be one that is only about to be opened.
        """
        if self._is_failing or self._is_closed:
            return
        self._due.add(user_id)
        # Whoever waits may be cancelled, and others wait for the same exchange.
        with suppress(TimeoutError):
            async with clock_timeout(self._clock, PATIENCE_SECONDS):
                await asyncio.wait([self._queue_exchange()])

    async def close(self) -> None:
        """Tells the others that there is nothing here any more, and ends all tasks."""
        self._is_closed = True
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        if self._told:
            try:
                async with clock_timeout(self._clock, FAREWELL_SECONDS):
                    await self._counts.exchange_stream_counts(self._process_id, dict.fromkeys(self._told, 0))
            except Exception as error:  # noqa: BLE001 - they run out by themselves
                self._observer.failed("taking back stream counts", error)

    # -- Telling --------------------------------------------------------------------------------------------------

    def _change(self, user_id: UserId) -> None:
        self._due.add(user_id)
        if not self._is_ticking and not self._is_closed:
            self._is_ticking = True
            self._start(self._tick_on(), "counting streams")

    async def _tick_on(self) -> None:
        try:
            while self._here or self._told or self._due:
                # Not at once: what begins with a stream has the process to itself.
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
        # In a context of its own: it works for all callers, not for the one who happened to come first.
        task = asyncio.create_task(work, name=name, context=Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _exchange_next(self) -> None:
        async with self._exchanging:
            # Who comes from now on needs another one: this one's statement may have looked before.
            self._queued = None
            users = self._take_due()
            try:
                await self._exchange({user_id: self._here[user_id] for user_id in users})
                await self._forget()
            except Exception as error:  # noqa: BLE001 - whatever it is, streams are to be counted again some day
                self._fail(users, error)
            else:
                self._is_failing = False

    def _take_due(self) -> Collection[UserId]:
        now = self._clock.monotonic()
        # Who came and went between two exchanges is nobody's business.
        users = {user_id for user_id in self._due if user_id in self._here or user_id in self._told}
        if now >= self._renew_at:
            users |= self._here.keys() | self._told
            self._renew_at = now + COUNT_RENEWAL_SECONDS
        self._due.clear()
        return users

    async def _exchange(self, counts: Mapping[UserId, int]) -> None:
        if not counts:
            return
        # Before they are: an exchange that fails may have been stored.
        self._told.update(counts)
        elsewhere = await self._counts.exchange_stream_counts(self._process_id, counts)
        self._known_until = self._clock.monotonic() + COUNT_SECONDS
        for user_id, count in counts.items():
            if not count:
                self._told.discard(user_id)
            if user_id in self._here:
                self._elsewhere[user_id] = elsewhere.get(user_id, 0)

    async def _forget(self) -> None:
        now = self._clock.monotonic()
        if now >= self._forget_at:
            self._forget_at = now + _FORGET_SECONDS
            await self._counts.forget_stream_counts(_FORGOTTEN_AT_ONCE)

    def _fail(self, users: Collection[UserId], error: Exception) -> None:
        self._is_failing = True
        self._due.update(users)
        now = self._clock.monotonic()
        self._retry_at = now + RETRY_SECONDS
        # A database that went away may come back without what it was told.
        self._renew_at = now
        self._observer.failed("counting streams", error)
