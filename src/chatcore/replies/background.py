"""Work that goes on whatever becomes of whoever asked for it, until the process shuts down."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from chatcore.errors import DrainingError
from chatcore.ports import Clock, Observer
from chatcore.timed_wait import wait_at_most

T = TypeVar("T")


class Background:
    """Keeps tasks that nobody awaits: the event loop itself holds them weakly."""

    def __init__(self, *, clock: Clock, observer: Observer) -> None:
        self._clock = clock
        self._observer = observer
        # These have time to end when the process shuts down, ...
        self._tasks: set[asyncio.Task[Any]] = set()
        # ... and these are given up.
        self._spawned: set[asyncio.Task[None]] = set()
        #: Whether nothing more is admitted.
        self.is_closed = False

    async def admit(self, work: Coroutine[Any, Any, T]) -> T:
        """Does `work` to its end, whatever becomes of the caller, who waits for it.

        A caller that goes away half-way would otherwise leave a turn that is stored and that nobody generates.

        Raises:
            DrainingError: this process is shutting down.
        """
        if self.is_closed:
            work.close()
            raise DrainingError
        # The task tells at once, and not when it has ended, as a shield would: the first token waits for it.
        outcome: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(_tell(outcome, work))
        task.add_done_callback(lambda _: outcome.cancel())  # Of use only where the task itself was cancelled.
        self.keep(task)
        return await outcome

    def spawn(self, what: str, work: Callable[[], Awaitable[None]]) -> None:
        """Does `work`, called `what` should it fail, and gives it up when the process shuts down."""
        if self.is_closed:
            return
        task = asyncio.create_task(self._run_spawned(what, work), name=what)
        self._spawned.add(task)
        task.add_done_callback(self._spawned.discard)

    async def _run_spawned(self, what: str, work: Callable[[], Awaitable[None]]) -> None:
        try:
            # Called only here: a drain may cancel this before its first step, and nobody would await what was made.
            await work()
        except Exception as bug:  # noqa: BLE001 - nobody awaits this task, so nobody else would hear of it
            self._observer.failed(what, bug)

    def keep(self, task: "asyncio.Task[Any]") -> None:
        """Holds a task until it has ended."""
        self._tasks.add(task)
        task.add_done_callback(self._let_go)

    def _let_go(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            # Looked at, so that asyncio does not complain when the caller who would have got it has gone.
            task.exception()

    def close(self) -> None:
        """Admits nothing more."""
        self.is_closed = True
        for task in self._spawned:
            task.cancel()

    async def idle(self) -> None:
        """Returns when nothing is left to do."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def end(self, seconds: float) -> None:
        """Waits at most `seconds` for the kept tasks, then cancels the rest and waits for them as long again."""
        await wait_at_most(self._tasks, seconds=seconds, clock=self._clock)
        # A task may have started others meanwhile: a turn that was being stored starts its generation.
        for task in tuple(self._tasks):
            task.cancel()
        await wait_at_most(self._tasks, seconds=seconds, clock=self._clock)


async def _tell(outcome: "asyncio.Future[T]", work: Coroutine[Any, Any, T]) -> None:
    """Does `work`, and tells whoever still waits what came of it."""
    try:
        result = await work
    except Exception as error:
        if outcome.done():
            raise
        outcome.set_exception(error)
    else:
        if not outcome.done():
            outcome.set_result(result)
