"""Readiness: can this process reach what it needs, and does it take new work."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog

from chatcore import ChatError
from chatcore.ports import Auth, Clock, Inference, Storage
from chatcore.replies.generation_runner import GenerationRunner
from chatcore_service.clock_timeout import clock_timeout

#: How long an answer is good for: many who ask at once, or again and again, cost one look.
CACHE_SECONDS = 1.0
#: How long a dependency may take to answer.
TIMEOUT_SECONDS = 3.0

OK = "ok"

_log: structlog.stdlib.BoundLogger = structlog.get_logger("chatcore_service")


class Readiness:
    """Asks the dependencies, all at once, and not more often than once a second."""

    def __init__(
        self, *, storage: Storage, auth: Auth, inference: Inference, runner: GenerationRunner, clock: Clock
    ) -> None:
        self._pings: Mapping[str, Callable[[], Awaitable[None]]] = {
            "database": storage.ping,
            "auth": auth.ping,
            "inference": inference.ping,
        }
        self._runner = runner
        self._clock = clock
        self._asked_at = 0.0
        self._asking: asyncio.Task[dict[str, str]] | None = None

    @property
    def is_draining(self) -> bool:
        """Whether this process takes no more turns."""
        return self._runner.is_draining

    async def check(self) -> dict[str, str]:
        """How things stand: `ok`, or `unavailable`, by name; `process` is `draining` while it shuts down."""
        process = {"process": "draining" if self.is_draining else OK}
        return process | await asyncio.shield(self._dependencies())

    def _dependencies(self) -> "asyncio.Task[dict[str, str]]":
        now = self._clock.monotonic()
        if self._asking is None or (self._asking.done() and now - self._asked_at >= CACHE_SECONDS):
            self._asked_at = now
            self._asking = asyncio.create_task(self._ask(), name="readiness")
        return self._asking

    async def _ask(self) -> dict[str, str]:
        answers = await asyncio.gather(*(self._answer(name, ping) for name, ping in self._pings.items()))
        return dict(zip(self._pings, answers, strict=True))

    async def _answer(self, name: str, ping: Callable[[], Awaitable[None]]) -> str:
        try:
            async with clock_timeout(self._clock, TIMEOUT_SECONDS):
                await ping()
        except (ChatError, TimeoutError) as outage:
            _log.warning("a dependency is unavailable", dependency=name, error=type(outage).__name__)
        except Exception as bug:  # noqa: BLE001 - whatever it is, what does not answer as it should cannot be relied on
            _log.warning("a dependency is unavailable", dependency=name, exc_info=bug)
        else:
            return OK
        return "unavailable"

    async def close(self) -> None:
        """Stops asking."""
        if self._asking is not None and not self._asking.done():
            self._asking.cancel()
            await asyncio.wait([self._asking])
