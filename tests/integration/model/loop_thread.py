"""An event loop that runs in a thread of its own: the stand-ins answer while a test that is not asynchronous thinks."""

import asyncio
import threading
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar

T = TypeVar("T")


class LoopThread:
    """``with`` starts it and ends it.

    Args:
        patience_seconds: what :meth:`run` waits before it gives up.
    """

    def __init__(self, patience_seconds: float = 60.0) -> None:
        self._patience_seconds = patience_seconds
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="the test's event loop")

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Does `work` there; its result, here.

        Raises:
            TimeoutError: it took too long.
        """
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(self._patience_seconds)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
