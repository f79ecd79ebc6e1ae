"""Bounds the calls to a validator: their number, their time, and no calls while the validator is down."""

import asyncio

import structlog

from chatcore.ports.clock import Clock
from chatcore_auth.circuit_breaker import CircuitBreaker
from chatcore_auth.lasting_calls import LastingCalls
from chatcore_auth.single_flight import FlightAbortedError, SingleFlight
from chatcore_auth.token_check import TokenCheck, Unusable
from chatcore_auth.token_failures import TokenFailures
from chatcore_auth.token_key import TokenKey, token_key
from chatcore_auth.validators.validator import Validator

_log: structlog.stdlib.BoundLogger = structlog.get_logger("chatcore_auth")

# A call that takes longer gives its slot to the next caller: callers on whose tokens the service hangs must not keep
# everyone else waiting.
_SLOT_SECONDS = 0.1
# So many times the number of slots may be in progress, those without a slot included. Calls are also slow if this
# process has too much to do, and more of them would make all of them slower.
_PENDING_CALLS_FOR_EACH_SLOT = 2

_BREAKER_IS_OPEN = Unusable("the circuit breaker is open")
_TOKEN_IS_PAUSED = Unusable("this token keeps failing")


class GuardedValidator(Validator):
    """Bounds the calls to a validator, and logs the answers that are unusable.

    A token on which the validator keeps failing is refused for a while; other tokens are not. If the validator fails on
    several different tokens and then also on a probe, new tokens are refused without a call.

    Args:
        validator: the validator to guard; it is closed together with this one.
        clock: the clock that measures the pauses.
        deadline_seconds: the longest time for which a caller waits, including the wait for a free slot.
        max_concurrent_calls: the number of calls that may begin at once; further calls wait for a free slot. A slot is
            free when a call has ended or has taken 0.1 s; at most twice as many calls are in progress. At most as
            many calls wait as may begin at once; further ones are refused at once.
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
        self._max_pending_calls = _PENDING_CALLS_FOR_EACH_SLOT * max_concurrent_calls
        # Under more load than the process or the service can bear, a longer queue would only make everyone wait longer.
        self._max_waiting = max_concurrent_calls
        self._waiting = 0
        self._calls = LastingCalls()
        self._breaker = CircuitBreaker(clock, failures_to_doubt=failures_to_doubt, pause_seconds=pause_seconds)
        self._failures = TokenFailures(clock, pause_seconds=pause_seconds)
        self._checks = SingleFlight[str, bool]()

    async def close(self) -> None:
        """Closes the guarded validator."""
        await self._checks.abort()
        await self._calls.cancel()
        await self._validator.close()

    async def probe(self) -> Unusable | None:
        """Probes the validator within the deadline; the probe needs no slot and ignores the circuit breaker."""
        call = self._calls.start(self._validator.probe())
        try:
            return await self._calls.result(call, self._deadline())
        except TimeoutError as error:
            return Unusable("no answer in time", error, is_outage=True)

    async def validate(self, token: str, trace_id: str | None) -> TokenCheck:
        """Validates `token` within the bounds; a call that exceeds the bounds is Unusable."""
        key = token_key(token)
        if key is None:
            return Unusable("no token")
        if self._failures.is_paused(key):
            return _TOKEN_IS_PAUSED
        deadline = self._deadline()
        try:
            call = await self._start(deadline, token, trace_id)
            if call is None:
                return _BREAKER_IS_OPEN
            check = await self._calls.result(call, deadline)
        except _TooManyCallsError as error:
            # This is no outage: the validator answers, but not so many callers at once.
            return self._logged(Unusable("too many calls at once", error), trace_id)
        except TimeoutError as error:
            check = Unusable("no answer in time", error, is_outage=True)
        self._record(key, check)
        return self._logged(check, trace_id)

    def _deadline(self) -> float:
        return asyncio.get_running_loop().time() + self._deadline_seconds

    async def _start(self, deadline: float, token: str, trace_id: str | None) -> "asyncio.Task[TokenCheck] | None":
        """Starts a call in a slot; returns the call when it has ended or has lost its slot.

        While the breaker is open, no call is made and the result is None.

        Raises:
            TimeoutError: the deadline came before the breaker's check has ended.
            _TooManyCallsError: too many calls wait for a slot, or there was no slot before the deadline.
        """
        await self._take_slot(deadline)
        try:
            async with asyncio.timeout_at(deadline):
                if not await self._is_up():
                    return None
            call = self._calls.start(self._validator.validate(token, trace_id))
            await asyncio.wait([call], timeout=_SLOT_SECONDS)
            return call
        finally:
            self._slots.release()

    async def _take_slot(self, deadline: float) -> None:
        if self._waiting >= self._max_waiting:
            raise _TooManyCallsError
        self._waiting += 1
        try:
            async with asyncio.timeout_at(deadline):
                await self._slots.acquire()
        except TimeoutError as error:
            raise _TooManyCallsError from error
        finally:
            self._waiting -= 1
        if len(self._calls) >= self._max_pending_calls:
            self._slots.release()
            raise _TooManyCallsError

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


class _TooManyCallsError(Exception):
    """Reports that no call can be made in time because so many are in progress."""
