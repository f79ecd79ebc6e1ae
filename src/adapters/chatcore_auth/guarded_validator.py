"""The auth service behind bounds: so many calls at once, so long each, and none while it is known to be away."""

import asyncio
from typing import Final

import structlog

from chatcore.ports.clock import Clock
from chatcore_auth.circuit_breaker import CircuitBreaker
from chatcore_auth.validators.service.answer import OUR_KEY_REFUSED, TokenCheck, Unusable
from chatcore_auth.validators.service.upstream import AuthUpstream

_log: structlog.stdlib.BoundLogger = structlog.get_logger("chatcore_auth")

_PAUSED: Final = Unusable("the auth service keeps failing and is not asked for a while")


class GuardedUpstream:
    """Asks the auth service within bounds, and logs what it could not answer.

    Args:
        upstream: what is guarded; closed with this.
        clock: for the breaker's pauses.
        budget_seconds: how long a question may take, waiting for a turn included.
        max_concurrent_calls: calls under way at once; more wait for their turn.
        failures_to_open: calls in a row that find the service away until none is made for a while.
        pause_seconds: how long that is.
    """

    def __init__(
        self,
        upstream: AuthUpstream,
        clock: Clock,
        *,
        budget_seconds: float,
        max_concurrent_calls: int,
        failures_to_open: int,
        pause_seconds: float,
    ) -> None:
        self._upstream = upstream
        self._budget_seconds = budget_seconds
        self._turns = asyncio.Semaphore(max_concurrent_calls)
        self._breaker = CircuitBreaker(clock, failures_to_open=failures_to_open, pause_seconds=pause_seconds)

    async def close(self) -> None:
        """Closes all connections."""
        await self._upstream.close()

    async def is_reachable(self) -> bool:
        """Whether something alive answers in time; takes no turn and does not ask the breaker."""
        try:
            async with asyncio.timeout(self._budget_seconds):
                return await self._upstream.is_reachable()
        except TimeoutError:
            return False

    async def validate(self, token: str, trace_id: str | None) -> TokenCheck:
        """What the auth service says of `token`, in time."""
        deadline = asyncio.get_running_loop().time() + self._budget_seconds
        try:
            async with asyncio.timeout_at(deadline):
                await self._turns.acquire()
        except TimeoutError as error:
            # No failure of the auth service: it answers, only not so many.
            return _logged(Unusable("too many calls at once", error), trace_id)
        try:
            return await self._validate_by(deadline, token, trace_id)
        finally:
            self._turns.release()

    async def _validate_by(self, deadline: float, token: str, trace_id: str | None) -> TokenCheck:
        if not self._breaker.allows():
            return _PAUSED
        try:
            async with asyncio.timeout_at(deadline):
                check = await self._upstream.validate(token, trace_id)
        except TimeoutError as error:
            check = Unusable("no answer in time", error, is_outage=True)
        self._tell_breaker(check)
        return _logged(check, trace_id)

    def _tell_breaker(self, check: TokenCheck) -> None:
        # Any other answer, usable or not, shows that the service is there.
        if isinstance(check, Unusable) and check.is_outage:
            if self._breaker.failed():
                _log.warning("the auth service keeps failing; new tokens are refused for a while")
        elif self._breaker.succeeded():
            _log.info("the auth service answers again")


def _logged(check: TokenCheck, trace_id: str | None) -> TokenCheck:
    if isinstance(check, Unusable):
        log = _log.error if check is OUR_KEY_REFUSED else _log.warning
        # Never the cause itself: it may hold the request, and the request holds the token.
        log("the auth service gave no usable answer", reason=check.reason, trace_id=trace_id)
    return check
