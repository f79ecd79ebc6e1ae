"""Cancels a coroutine at a chosen one of its waits, which other tests of cancellation leave to chance."""

import asyncio
from collections.abc import Coroutine, Generator
from enum import Enum, auto
from typing import Any

from attrs import define


class Moment(Enum):
    """Says when a task is cancelled, relative to a wait."""

    #: During the wait.
    WHILE_WAITING = auto()
    #: After the result has come and before the task receives it: the result is lost.
    AS_IT_COMES = auto()
    #: During the wait, and again while the task waits in its cleanup.
    TWICE = auto()


@define
class _Cut:
    """Passes on every wait of `unit`, and cancels its task at wait number `wait`, from 1."""

    unit: Coroutine[Any, Any, object]
    wait: int
    moment: Moment
    waits: int = 0

    def __await__(self) -> Generator[Any, Any, None]:
        error: BaseException | None = None
        while True:
            try:
                awaited = self.unit.send(None) if error is None else self.unit.throw(error)
            except StopIteration:
                return
            self.waits += 1
            if self.waits == self.wait or (self.moment is Moment.TWICE and self.waits == self.wait + 1):
                self._cancel(awaited)
            error = None
            try:
                yield awaited
            except BaseException as thrown:  # noqa: BLE001 - all of it is for the unit
                error = thrown

    def _cancel(self, awaited: asyncio.Future[object] | None) -> None:
        task = asyncio.current_task()
        assert task is not None
        if self.moment is Moment.AS_IT_COMES and awaited is not None:
            # This callback runs before the one of the task, which is added when the wait reaches the task.
            awaited.add_done_callback(lambda _: task.cancel())
        else:
            task.cancel()


async def cancelled_at(unit: Coroutine[Any, Any, object], wait: int, moment: Moment) -> bool:
    """Runs `unit` and cancels it at wait number `wait`; returns whether it was cancelled or ended before.

    Errors that `unit` raises itself are passed on.
    """
    cut = _Cut(unit, wait, moment)

    async def run() -> None:
        await cut

    task = asyncio.create_task(run())
    await asyncio.wait([task])
    if not task.cancelled():
        task.result()
    return cut.waits >= wait
