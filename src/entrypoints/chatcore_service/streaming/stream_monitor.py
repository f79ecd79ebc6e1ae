"""Sends keep-alives, validates tokens again and enforces the time limits of all open streams, in one task.

A timer for each stream, or for each frame, would cost more than relaying the frame. The monitor checks all streams once
a second, and runs no task while no stream is open.
"""

import asyncio
from collections.abc import Callable
from contextvars import Context

import structlog

from chatcore.errors import AuthUnavailableError, NotAuthenticatedError
from chatcore.ports import Clock
from chatcore_service.http.caller import Authenticator, Caller
from chatcore_service.settings import StreamSettings
from chatcore_service.streaming.direct_writer import DirectWriter

_log: structlog.stdlib.BoundLogger = structlog.get_logger("chatcore_service")

TICK_SECONDS = 1.0
#: Time that a stream may continue while the auth service cannot validate its token.
REVALIDATION_GRACE_SECONDS = 15.0


def _never() -> bool:
    return False


class StreamState:
    """Holds the state that a stream shares with the monitor."""

    __slots__ = (
        "abort",
        "caller",
        "ends_at",
        "has_written",
        "is_gone",
        "is_half_closed",
        "is_over",
        "is_validating",
        "is_writing",
        "owes_keep_alive",
        "quiet_since",
        "revalidate_seconds",
        "validate_at",
        "wake",
        "writer",
    )

    def __init__(self, caller: Caller, *, wake: Callable[[], None], revalidate_seconds: float | None = None) -> None:
        self.caller = caller
        #: Interval at which the token is validated again, if it is not that of all streams.
        self.revalidate_seconds = revalidate_seconds
        self.wake = wake
        #: Function that aborts the connection.
        self.abort: Callable[[], object] = wake
        # The stream sets these attributes.
        #: Function that returns whether the caller sends no more, so that only writing shows whether it still reads.
        self.is_half_closed: Callable[[], bool] = _never
        self.is_gone = False
        self.is_writing = False
        self.has_written = False
        #: The writer of the chunks that the stream's task does not send itself.
        self.writer: DirectWriter | None = None
        # The monitor sets these attributes.
        self.is_over = False
        self.owes_keep_alive = False
        self.ends_at = 0.0
        self.validate_at = 0.0
        self.is_validating = False
        self.quiet_since = 0.0

    def take_progress(self) -> bool:
        """Returns whether the stream has sent bytes since the last call."""
        has_written, self.has_written = self.has_written, False
        return (self.writer is not None and self.writer.take_progress()) or has_written

    def end(self) -> None:
        """Ends the stream, and tells its reader to reconnect."""
        self.is_over = True
        self.wake()

    def keep_alive(self) -> None:
        """Asks the stream to send a keep-alive."""
        self.owes_keep_alive = True
        self.wake()


class StreamMonitor:
    """Keeps streams alive, disconnects readers that take no bytes, and ends streams whose time is up."""

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        clock: Clock,
        settings: StreamSettings,
        tick_seconds: float = TICK_SECONDS,
    ) -> None:
        self._authenticator = authenticator
        self._clock = clock
        self._settings = settings
        self._tick_seconds = tick_seconds
        self._states: set[StreamState] = set()
        self._ticking: asyncio.Task[None] | None = None
        # The event loop keeps only weak references to tasks.
        self._validations: set[asyncio.Task[None]] = set()

    def enter(self, state: StreamState) -> None:
        """Starts to watch a stream."""
        now = self._clock.monotonic()
        state.quiet_since = now
        state.ends_at = now + self._lifetime_of(state.caller)
        state.validate_at = now + self._revalidate_seconds(state)
        self._states.add(state)
        if self._ticking is None:
            # The context is empty, because the task works for all users, and not only for the request that started it.
            self._ticking = asyncio.create_task(self._tick_on(), name="monitoring streams", context=Context())

    def leave(self, state: StreamState) -> None:
        """Stops watching a stream, which has ended."""
        self._states.discard(state)

    def end_all(self) -> None:
        """Ends all streams, because the process is shutting down."""
        for state in self._states:
            state.end()

    async def close(self) -> None:
        """Cancels the monitor's own tasks."""
        tasks = [*self._validations, *([self._ticking] if self._ticking else [])]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _lifetime_of(self, caller: Caller) -> float:
        expires_at = caller.user.expires_at
        if expires_at is None:
            return self._settings.max_seconds
        seconds_left = (expires_at - self._clock.now()).total_seconds()
        if seconds_left <= 0:
            # The auth service's clock is behind ours; it rejects the token when it is validated again.
            seconds_left = self._settings.revalidate_seconds
        return min(self._settings.max_seconds, seconds_left)

    def _revalidate_seconds(self, state: StreamState) -> float:
        own = state.revalidate_seconds
        return self._settings.revalidate_seconds if own is None else own

    async def _tick_on(self) -> None:
        try:
            while self._states:
                await self._clock.sleep(self._tick_seconds)
                now = self._clock.monotonic()
                for state in tuple(self._states):
                    self._check(state, now)
        finally:
            self._ticking = None

    def _check(self, state: StreamState, now: float) -> None:
        if state.take_progress():
            state.quiet_since = now
        quiet = now - state.quiet_since
        if state.is_writing:
            if quiet >= self._settings.write_timeout_seconds:
                state.abort()
        elif quiet >= self._settings.keep_alive_seconds or state.is_half_closed():
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
            user = await self._authenticator.validate_again(caller)
        except NotAuthenticatedError:
            state.end()
        except Exception as error:  # noqa: BLE001 - no code awaits this task, so the error would be lost
            if not isinstance(error, AuthUnavailableError):
                _log.error("validating a token failed unexpectedly", exc_info=error)
            # The monitor validates again at every tick of the grace period, and then ends a stream with an unverified
            # token.
            if now >= state.validate_at + REVALIDATION_GRACE_SECONDS:
                state.end()
        else:
            if user.id != caller.user.id:
                state.end()
            state.validate_at = now + self._revalidate_seconds(state)
        finally:
            state.is_validating = False
