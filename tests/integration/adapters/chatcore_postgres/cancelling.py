"""Cancels a coroutine at one of its waits, chosen by number: what a test of cancellation otherwise leaves to luck."""

import asyncio
from collections.abc import Coroutine, Generator
from enum import Enum, auto
from typing import Any

from attrs import define


class Moment(Enum):
    """When, with respect to a wait, its task is cancelled."""

    #: While it waits.
    WHILE_WAITING = auto()
    #: When what it waits for has come, and before it learns of that: what came is lost on the way.
    AS_IT_COMES = auto()
    #: While it waits, and again while it waits in cleaning up.
    TWICE = auto()


@define
class _Cut:
    """Passes on every wait of `unit`, and cancels the task that runs it at the one of number `wait`, from 1."""

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
            # Called before the task's own callback, which is added when the wait reaches it.
            awaited.add_done_callback(lambda _: task.cancel())
        else:
            task.cancel()


async def cancelled_at(unit: Coroutine[Any, Any, object], wait: int, moment: Moment) -> bool:
    """Runs `unit` and cancels it at its wait of that number; whether it came to that, or was over before.

    What `unit` raises for itself is let through.
    """
    cut = _Cut(unit, wait, moment)

    async def run() -> None:
        await cut

    task = asyncio.create_task(run())
    await asyncio.wait([task])
    if not task.cancelled():
        task.result()
    return cut.waits >= wait
