"""Runs work that outlives the request that started it, until the process shuts down."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from chatcore.errors import DrainingError
from chatcore.ports import Clock, Observer
from chatcore.timed_wait import wait_at_most

T = TypeVar("T")


class Background:
    """Keeps references to tasks that no other task awaits; the event loop itself holds only weak references."""

    def __init__(self, *, clock: Clock, observer: Observer) -> None:
        self._clock = clock
        self._observer = observer
        # These tasks get time to finish when the process shuts down.
        self._tasks: set[asyncio.Task[Any]] = set()
        # These tasks are cancelled when the process shuts down.
        self._spawned: set[asyncio.Task[None]] = set()
        #: Whether no more work is admitted.
        self.is_closed = False

    async def admit(self, work: Coroutine[Any, Any, T]) -> T:
        """Runs `work` to its end, even if the caller is cancelled while it waits for the result.

        Otherwise a caller that disconnects could leave a turn that is stored but has no generation.

        Raises:
            DrainingError: this process is shutting down.
        """
        if self.is_closed:
            work.close()
            raise DrainingError
        # The task sets the result itself. `asyncio.shield` would deliver it one loop iteration later, which would
        # delay the first token.
        outcome: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(_deliver(outcome, work))
        task.add_done_callback(lambda _: outcome.cancel())  # This call matters only if the task was cancelled.
        self.keep(task)
        return await outcome

    def spawn(self, what: str, work: Callable[[], Awaitable[None]]) -> None:
        """Runs `work` until the process shuts down, and reports a failure to the observer under the name `what`."""
        if self.is_closed:
            return
        task = asyncio.create_task(self._run_spawned(what, work), name=what)
        self._spawned.add(task)
        task.add_done_callback(self._spawned.discard)

    async def _run_spawned(self, what: str, work: Callable[[], Awaitable[None]]) -> None:
        try:
            # `work` is called only here: a drain may cancel this task before its first step, and a coroutine that was
            # created earlier would then never be awaited.
            await work()
        except Exception as bug:  # noqa: BLE001 - no other code would report the error
            self._observer.failed(what, bug)

    def keep(self, task: "asyncio.Task[Any]") -> None:
        """Keeps a reference to the task until it has ended."""
        self._tasks.add(task)
        task.add_done_callback(self._let_go)

    def _let_go(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            # The exception is retrieved so that asyncio does not log it as unhandled if the caller has disconnected.
            task.exception()

    def close(self) -> None:
        """Admits no more work and cancels the spawned tasks."""
        self.is_closed = True
        for task in self._spawned:
            task.cancel()

    async def idle(self) -> None:
        """Returns when no kept task is running."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def end(self, seconds: float) -> None:
        """Waits at most `seconds` for the kept tasks, then cancels the rest and waits for them as long again."""
        await wait_at_most(self._tasks, seconds=seconds, clock=self._clock)
        # A task may have started others meanwhile, for example a turn that was being stored starts its generation.
        for task in tuple(self._tasks):
            task.cancel()
        await wait_at_most(self._tasks, seconds=seconds, clock=self._clock)


async def _deliver(outcome: "asyncio.Future[T]", work: Coroutine[Any, Any, T]) -> None:
    """Runs `work` and delivers its result or error if the caller still waits for it."""
    try:
        result = await work
    except Exception as error:
        if outcome.done():
            raise
        outcome.set_exception(error)
    else:
        if not outcome.done():
            outcome.set_result(result)
