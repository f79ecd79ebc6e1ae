"""Bounds the calls to a validator: their number, their time, and no calls while the validator is down."""

import asyncio

import structlog

from chatcore.ports.clock import Clock
from chatcore_auth.circuit_breaker import CircuitBreaker
from chatcore_auth.token_check import TokenCheck, Unusable
from chatcore_auth.validators.validator import Validator

_log: structlog.stdlib.BoundLogger = structlog.get_logger("chatcore_auth")

_BREAKER_IS_OPEN = Unusable("the circuit breaker is open")


class GuardedValidator(Validator):
    """Bounds the calls to a validator, and logs the answers that are unusable.

    Args:
        validator: the validator to guard; it is closed together with this one.
        clock: the clock that measures the circuit breaker's pauses.
        deadline_seconds: the longest time that a call may take, including the wait for a free slot.
        max_concurrent_calls: the number of calls that may run at once; further calls wait for a free slot.
        failures_to_open: the number of outages in a row after which no calls are made for a while.
        pause_seconds: the length of that pause.
    """

    def __init__(
        self,
        validator: Validator,
        clock: Clock,
        *,
        deadline_seconds: float,
        max_concurrent_calls: int = 64,
        failures_to_open: int = 5,
        pause_seconds: float = 2.0,
    ) -> None:
        self.name = validator.name
        self._validator = validator
        self._deadline_seconds = deadline_seconds
        self._slots = asyncio.Semaphore(max_concurrent_calls)
        self._breaker = CircuitBreaker(clock, failures_to_open=failures_to_open, pause_seconds=pause_seconds)

    async def close(self) -> None:
        """Closes the guarded validator."""
        await self._validator.close()

    async def is_reachable(self) -> bool:
        """Returns whether the validator answers in time; the check needs no slot and ignores the circuit breaker."""
        try:
            async with asyncio.timeout(self._deadline_seconds):
                return await self._validator.is_reachable()
        except TimeoutError:
            return False

    async def validate(self, token: str, trace_id: str | None) -> TokenCheck:
        """Validates `token` within the bounds; a call that exceeds the bounds is Unusable."""
        deadline = asyncio.get_running_loop().time() + self._deadline_seconds
        try:
            async with asyncio.timeout_at(deadline):
                await self._slots.acquire()
        except TimeoutError as error:
            # This is no outage: the validator answers, but not so many callers at once.
            return self._logged(Unusable("too many calls at once", error), trace_id)
        try:
            return await self._validate_by(deadline, token, trace_id)
        finally:
            self._slots.release()

    async def _validate_by(self, deadline: float, token: str, trace_id: str | None) -> TokenCheck:
        if not self._breaker.allows_call():
            return _BREAKER_IS_OPEN
        try:
            async with asyncio.timeout_at(deadline):
                check = await self._validator.validate(token, trace_id)
        except TimeoutError as error:
            check = Unusable("no answer in time", error, is_outage=True)
        self._record(check)
        return self._logged(check, trace_id)

    def _record(self, check: TokenCheck) -> None:
        # Any other answer, usable or not, shows that the validator is up.
        if isinstance(check, Unusable) and check.is_outage:
            if self._breaker.record_failure():
                _log.warning(f"{self.name} keeps failing; new tokens are refused for a while")
        elif self._breaker.record_success():
            _log.info(f"{self.name} answers again")

    def _logged(self, check: TokenCheck, trace_id: str | None) -> TokenCheck:
        if isinstance(check, Unusable):
            log = _log.error if check.is_our_fault else _log.warning
            # The cause is not logged: the cause may hold the request, and the request holds the token.
            log(f"{self.name} gave no usable answer", reason=check.reason, trace_id=trace_id)
        return check
