"""Determines readiness: whether this process reaches its dependencies and accepts new work."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog
from attrs import evolve, frozen

from chatcore import ChatError
from chatcore.errors import AuthKeyRefusedError, InferenceKeyRefusedError, StorageNotReadyError
from chatcore.ports import Clock, Inference, Storage
from chatcore.replies.generation_runner import GenerationRunner
from chatcore_service.clock_timeout import clock_timeout
from chatcore_service.http.caller import Authenticator

#: How long a result is reused, so that frequent requests do not load the dependencies.
CACHE_SECONDS = 1.0
#: Time that a dependency has to answer.
TIMEOUT_SECONDS = 3.0

OK = "ok"
#: The result for a service that answers, but refuses the key in INTERNAL_API_KEY.
KEY_REFUSED = "key_refused"

_log: structlog.stdlib.BoundLogger = structlog.get_logger("chatcore_service")


@frozen
class ReadinessReport:
    """The results of one round of pings."""

    #: `ok`, `unavailable` or `key_refused` for each dependency; for `process`, `ok`, or `draining` during a shutdown.
    checks: dict[str, str]
    #: For each dependency that is not ready, a sentence about the cause, if it is known.
    details: dict[str, str]


class Readiness:
    """Pings all dependencies concurrently, at most once a second."""

    def __init__(
        self,
        *,
        storage: Storage,
        authenticator: Authenticator,
        inference: Inference,
        runner: GenerationRunner,
        clock: Clock,
    ) -> None:
        self._pings: Mapping[str, Callable[[], Awaitable[None]]] = {
            "database": storage.ping,
            "auth": authenticator.ping,
            "inference": inference.ping,
        }
        self._runner = runner
        self._clock = clock
        self._pinged_at = 0.0
        self._pinging: asyncio.Task[ReadinessReport] | None = None

    async def check(self) -> ReadinessReport:
        """Returns the results of the newest round of pings, and the state of this process."""
        process = {"process": "draining" if self._runner.is_draining else OK}
        report = await asyncio.shield(self._dependencies())
        return evolve(report, checks=process | report.checks)

    def _dependencies(self) -> "asyncio.Task[ReadinessReport]":
        now = self._clock.monotonic()
        if self._pinging is None or (self._pinging.done() and now - self._pinged_at >= CACHE_SECONDS):
            self._pinged_at = now
            self._pinging = asyncio.create_task(self._ping_all(), name="readiness")
        return self._pinging

    async def _ping_all(self) -> ReadinessReport:
        # Each round has details of its own: the next round may begin before all callers have read this one's.
        details: dict[str, str] = {}
        results = await asyncio.gather(*(self._ping(name, ping, details) for name, ping in self._pings.items()))
        return ReadinessReport(dict(zip(self._pings, results, strict=True)), details)

    async def _ping(self, name: str, ping: Callable[[], Awaitable[None]], details: dict[str, str]) -> str:
        try:
            async with clock_timeout(self._clock, TIMEOUT_SECONDS):
                await ping()
        except (AuthKeyRefusedError, InferenceKeyRefusedError):
            details[name] = f"The {name} service refuses the key in INTERNAL_API_KEY."
            _log.error("a dependency refuses our internal key", dependency=name)
            return KEY_REFUSED
        except StorageNotReadyError as cause:
            details[name] = str(cause)
            _log.error("the database is not ready", reason=str(cause))
        except ChatError as outage:
            details[name] = str(outage)
            _log.warning("a dependency is unavailable", dependency=name, error=type(outage).__name__)
        except TimeoutError as outage:
            _log.warning("a dependency is unavailable", dependency=name, error=type(outage).__name__)
        except Exception as bug:  # noqa: BLE001 - any failure makes the dependency unavailable
            _log.warning("a dependency is unavailable", dependency=name, exc_info=bug)
        else:
            return OK
        return "unavailable"

    async def close(self) -> None:
        """Cancels the pings in progress."""
        if self._pinging is not None and not self._pinging.done():
            self._pinging.cancel()
            await asyncio.wait([self._pinging])
