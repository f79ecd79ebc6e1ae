"""Bounds the calls to a validator: their number, their time, and no calls while the validator is down."""

import asyncio

import structlog

from chatcore.ports.clock import Clock
from chatcore_auth.circuit_breaker import CircuitBreaker
from chatcore_auth.single_flight import FlightAbortedError, SingleFlight
from chatcore_auth.token_check import TokenCheck, Unusable
from chatcore_auth.token_failures import TokenFailures
from chatcore_auth.token_key import TokenKey, token_key
from chatcore_auth.validators.validator import Validator

_log: structlog.stdlib.BoundLogger = structlog.get_logger("chatcore_auth")

_BREAKER_IS_OPEN = Unusable("the circuit breaker is open")
_TOKEN_IS_PAUSED = Unusable("this token keeps failing")


class GuardedValidator(Validator):
    """Bounds the calls to a validator, and logs the answers that are unusable.

    A token on which the validator keeps failing is refused for a while; other tokens are not. If the validator fails on
    several different tokens and then also on a probe, new tokens are refused without a call.

    Args:
        validator: the validator to guard; it is closed together with this one.
        clock: the clock that measures the pauses.
        deadline_seconds: the longest time that a call may take, including the wait for a free slot.
        max_concurrent_calls: the number of calls that may run at once; further calls wait for a free slot.
        failures_to_doubt: the number of different tokens that must fail in a row before the validator is probed.
        pause_seconds: the time for which no calls are made after a failed probe, and none with a token that keeps
            failing.
    """

    def __init__(
        self,
        validator: Validator,
        clock: Clock,
        *,
        deadline_seconds: float,
        max_concurrent_calls: int = 64,
        failures_to_doubt: int = 5,
        pause_seconds: float = 2.0,
    ) -> None:
        self.name = validator.name
        self._validator = validator
        self._deadline_seconds = deadline_seconds
        self._slots = asyncio.Semaphore(max_concurrent_calls)
        self._breaker = CircuitBreaker(clock, failures_to_doubt=failures_to_doubt, pause_seconds=pause_seconds)
        self._failures = TokenFailures(clock, pause_seconds=pause_seconds)
        self._checks = SingleFlight[str, bool]()

    async def close(self) -> None:
        """Closes the guarded validator."""
        await self._checks.abort()
        await self._validator.close()

    async def probe(self) -> Unusable | None:
        """Probes the validator within the deadline; the probe needs no slot and ignores the circuit breaker."""
        try:
            async with asyncio.timeout(self._deadline_seconds):
                return await self._validator.probe()
        except TimeoutError as error:
            return Unusable("no answer in time", error, is_outage=True)

    async def validate(self, token: str, trace_id: str | None) -> TokenCheck:
        """Validates `token` within the bounds; a call that exceeds the bounds is Unusable."""
        key = token_key(token)
        if key is None:
            return Unusable("no token")
        if self._failures.is_paused(key):
            return _TOKEN_IS_PAUSED
        deadline = asyncio.get_running_loop().time() + self._deadline_seconds
        try:
            async with asyncio.timeout_at(deadline):
                await self._slots.acquire()
        except TimeoutError as error:
            # This is no outage: the validator answers, but not so many callers at once.
            return self._logged(Unusable("too many calls at once", error), trace_id)
        try:
            return await self._validate_by(deadline, key, token, trace_id)
        finally:
            self._slots.release()

    async def _validate_by(self, deadline: float, key: TokenKey, token: str, trace_id: str | None) -> TokenCheck:
        try:
            async with asyncio.timeout_at(deadline):
                if not await self._is_up():
                    return _BREAKER_IS_OPEN
                check = await self._validator.validate(token, trace_id)
        except TimeoutError as error:
            check = Unusable("no answer in time", error, is_outage=True)
        self._record(key, check)
        return self._logged(check, trace_id)

    async def _is_up(self) -> bool:
        if not self._breaker.is_in_doubt:
            return True
        if not self._breaker.allows_check():
            return False
        try:
            return await self._checks.run("check", self._check)
        except FlightAbortedError:
            return False

    async def _check(self) -> bool:
        problem = await self.probe()
        if problem is None or not problem.is_outage:
            self._record_answer()
            return True
        if self._breaker.open():
            _log.warning(f"{self.name} keeps failing; new tokens are refused for a while", reason=problem.reason)
        return False

    def _record(self, key: TokenKey, check: TokenCheck) -> None:
        if isinstance(check, Unusable) and check.is_outage:
            self._failures.record_failure(key)
            self._breaker.record_failure(key)
            return
        # Any other answer, usable or not, shows that the validator is up.
        self._failures.record_answer(key)
        self._record_answer()

    def _record_answer(self) -> None:
        if self._breaker.record_answer():
            _log.info(f"{self.name} answers again")

    def _logged(self, check: TokenCheck, trace_id: str | None) -> TokenCheck:
        if isinstance(check, Unusable):
            log = _log.error if check.is_our_fault else _log.warning
            # The cause is not logged: the cause may hold the request, and the request holds the token.
            log(f"{self.name} gave no usable answer", reason=check.reason, trace_id=trace_id)
        return check
