"""The stream_monitor: one task a process looks after the time of all open streams.

A timer for each stream, or each frame, would cost more than relaying it. The monitor looks at all streams once a
second, and there is no tick when there is no stream.
"""

import asyncio
from collections.abc import Callable
from contextvars import Context

import structlog

from chatcore.errors import AuthUnavailableError, NotAuthenticatedError
from chatcore.ports import Auth, Clock
from chatcore_service.http.caller import Caller
from chatcore_service.settings import StreamSettings
from chatcore_service.streaming.direct_writer import DirectWriter

_log: structlog.stdlib.BoundLogger = structlog.get_logger("chatcore_service")

TICK_SECONDS = 1.0
#: How much longer a stream may live while nobody can tell whether its token is still valid.
REVALIDATION_GRACE_SECONDS = 15.0


class StreamState:
    """What a stream and the monitor know of each other."""

    __slots__ = (
        "abort",
        "caller",
        "ends_at",
        "has_written",
        "is_gone",
        "is_over",
        "is_validating",
        "is_writing",
        "owes_keep_alive",
        "quiet_since",
        "validate_at",
        "wake",
        "writer",
    )

    def __init__(self, caller: Caller, *, wake: Callable[[], None]) -> None:
        self.caller = caller
        self.wake = wake
        #: Cuts the connection off.
        self.abort: Callable[[], object] = wake
        # Said by the stream.
        self.is_gone = False
        self.is_writing = False
        self.has_written = False
        #: By which it sends what it does not write itself.
        self.writer: DirectWriter | None = None
        # Said by the stream_monitor.
        self.is_over = False
        self.owes_keep_alive = False
        self.ends_at = 0.0
        self.validate_at = 0.0
        self.is_validating = False
        self.quiet_since = 0.0

    def take_progress(self) -> bool:
        """Whether anything was sent since the last time."""
        has_written, self.has_written = self.has_written, False
        return (self.writer is not None and self.writer.take_progress()) or has_written

    def end(self) -> None:
        """Tells the reader to come back."""
        self.is_over = True
        self.wake()

    def keep_alive(self) -> None:
        """Lets the stream say that it is alive."""
        self.owes_keep_alive = True
        self.wake()


class StreamMonitor:
    """Keeps streams alive, cuts off who does not read, and ends what has lived its time."""

    def __init__(
        self, *, auth: Auth, clock: Clock, settings: StreamSettings, tick_seconds: float = TICK_SECONDS
    ) -> None:
        self._auth = auth
        self._clock = clock
        self._settings = settings
        self._tick_seconds = tick_seconds
        self._states: set[StreamState] = set()
        self._ticking: asyncio.Task[None] | None = None
        # The event loop holds tasks weakly.
        self._validations: set[asyncio.Task[None]] = set()

    def enter(self, state: StreamState) -> None:
        """Looks after a stream from now on."""
        now = self._clock.monotonic()
        state.quiet_since = now
        state.ends_at = now + self._life_of(state.caller)
        state.validate_at = now + self._settings.revalidate_seconds
        self._states.add(state)
        if self._ticking is None:
            # In a context of its own: it works for all callers, not for the one who happened to come first.
            self._ticking = asyncio.create_task(self._tick_on(), name="pacing streams", context=Context())

    def leave(self, state: StreamState) -> None:
        """The stream has ended."""
        self._states.discard(state)

    def end_all(self) -> None:
        """Tells all readers to come back: the process is shutting down."""
        for state in self._states:
            state.end()

    async def close(self) -> None:
        """Ends the monitor's own tasks."""
        tasks = [*self._validations, *([self._ticking] if self._ticking else [])]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _life_of(self, caller: Caller) -> float:
        expires_at = caller.user.expires_at
        if expires_at is None:
            return self._settings.max_seconds
        return min(self._settings.max_seconds, (expires_at - self._clock.now()).total_seconds())

    async def _tick_on(self) -> None:
        try:
            while self._states:
                await self._clock.sleep(self._tick_seconds)
                now = self._clock.monotonic()
                for state in tuple(self._states):
                    self._look_at(state, now)
        finally:
            self._ticking = None

    def _look_at(self, state: StreamState, now: float) -> None:
        if state.take_progress():
            state.quiet_since = now
        quiet = now - state.quiet_since
        if state.is_writing:
            if quiet >= self._settings.write_timeout_seconds:
                state.abort()
        elif quiet >= self._settings.keep_alive_seconds:
            state.keep_alive()
        if state.is_over:
            return
        if now >= state.ends_at:
            state.end()
        elif now >= state.validate_at and not state.is_validating:
            self._begin_validation(state, now)

    def _begin_validation(self, state: StreamState, now: float) -> None:
        state.is_validating = True
        task = asyncio.create_task(self._validate(state, now), name="validating the token of a stream")
        self._validations.add(task)
        task.add_done_callback(self._validations.discard)

    async def _validate(self, state: StreamState, now: float) -> None:
        caller = state.caller
        try:
            user = await self._auth.authenticate(caller.token, trace_id=caller.trace_id)
        except NotAuthenticatedError:
            state.end()
        except Exception as error:  # noqa: BLE001 - nobody awaits this task, so nobody else would hear of it
            if not isinstance(error, AuthUnavailableError):
                _log.error("validating a token failed unexpectedly", exc_info=error)
            # Asked again at the next tick, for a while; then nobody is kept in on a guess.
            if now >= state.validate_at + REVALIDATION_GRACE_SECONDS:
                state.end()
        else:
            if user.id != caller.user.id:
                state.end()
            state.validate_at = now + self._settings.revalidate_seconds
        finally:
            state.is_validating = False
