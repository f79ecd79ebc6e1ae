"""The stream monitor, on a frozen clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from tests.unit.adapters.chatcore_auth.scripted_auth_service import ScriptedAuthService, rejecting, vouching_for

from chatcore import User
from chatcore_auth import AuthClient
from chatcore_memory import FrozenClock, StaticAuth
from chatcore_service.http.bearer_authenticator import BearerAuthenticator
from chatcore_service.http.caller import Caller
from chatcore_service.settings import StreamSettings
from chatcore_service.streaming.stream_monitor import TICK_SECONDS, StreamMonitor, StreamState


class Watched:
    """A stream as the monitor sees it, and the calls it received."""

    def __init__(self, user: User) -> None:
        self.wake_count = 0
        self.is_aborted = False
        self.state = StreamState(Caller(user=user, token="token", trace_id="trace"), wake=self._wake)
        self.state.abort = self._abort

    def _wake(self) -> None:
        self.wake_count += 1

    def _abort(self) -> None:
        self.is_aborted = True


class Monitoring:
    """A stream monitor, its clock and its auth service."""

    def __init__(self) -> None:
        self.clock = FrozenClock()
        self.user = User(id="alice")
        self.auth = StaticAuth({"token": self.user}, clock=self.clock)
        self.stream_monitor = StreamMonitor(
            authenticator=BearerAuthenticator(self.auth), clock=self.clock, settings=StreamSettings()
        )

    def stream(self, user: User | None = None) -> Watched:
        """Returns a stream that the monitor watches."""
        watched = Watched(user or self.user)
        self.stream_monitor.enter(watched.state)
        return watched


# Functions, because a type checker would assume that an attribute is unchanged after the clock has moved.


def owes(stream: Watched) -> bool:
    return stream.state.owes_keep_alive


def was_aborted(stream: Watched) -> bool:
    return stream.is_aborted


def is_over(stream: Watched) -> bool:
    return stream.state.is_over


def is_ticking() -> bool:
    return "monitoring streams" in {task.get_name() for task in asyncio.all_tasks()}


@pytest.fixture
async def monitoring() -> AsyncIterator[Monitoring]:
    monitoring = Monitoring()
    yield monitoring
    await monitoring.stream_monitor.close()


async def test_a_silent_stream_owes_a_comment_after_15_seconds(monitoring: Monitoring) -> None:
    stream = monitoring.stream()

    await monitoring.clock.elapse(14)
    assert not owes(stream)
    await monitoring.clock.elapse(1)
    assert owes(stream)
    assert stream.wake_count == 1


async def test_a_stream_that_sends_owes_nothing(monitoring: Monitoring) -> None:
    stream = monitoring.stream()

    for _ in range(5):
        stream.state.has_written = True
        await monitoring.clock.elapse(14)
    assert not stream.state.owes_keep_alive


async def test_a_stream_whose_caller_sends_no_more_owes_a_comment_at_every_tick(monitoring: Monitoring) -> None:
    stream = monitoring.stream()
    stream.state.is_half_closed = lambda: True
    for _ in range(3):
        stream.state.owes_keep_alive = False
        await monitoring.clock.elapse(TICK_SECONDS)
        assert owes(stream)


async def test_a_reader_that_takes_nothing_for_30_seconds_is_disconnected(monitoring: Monitoring) -> None:
    stream = monitoring.stream()
    stream.state.is_writing = True

    await monitoring.clock.elapse(29)
    assert not was_aborted(stream)
    await monitoring.clock.elapse(1)
    assert was_aborted(stream)
    assert not stream.state.owes_keep_alive


async def test_a_stream_lives_for_ten_minutes(monitoring: Monitoring) -> None:
    stream = monitoring.stream()

    await monitoring.clock.elapse(599)
    assert not is_over(stream)
    await monitoring.clock.elapse(1)
    assert is_over(stream)


async def test_a_stream_ends_with_its_token(monitoring: Monitoring) -> None:
    stream = monitoring.stream(User(id="alice", expires_at=monitoring.clock.now() + timedelta(seconds=60)))

    await monitoring.clock.elapse(59)
    assert not is_over(stream)
    await monitoring.clock.elapse(1)
    assert is_over(stream)


async def test_the_stream_of_a_token_that_has_just_expired_lives_until_the_service_rejects_the_token(
    monitoring: Monitoring,
) -> None:
    stream = monitoring.stream(User(id="alice", expires_at=monitoring.clock.now() - timedelta(seconds=20)))

    await monitoring.clock.elapse(14)
    assert not is_over(stream)
    await monitoring.clock.elapse(1)
    assert is_over(stream)


async def test_a_token_is_validated_again_every_15_seconds(monitoring: Monitoring) -> None:
    stream = monitoring.stream()

    await monitoring.clock.elapse(59)
    assert monitoring.auth.trace_ids == ["trace"] * 3
    assert not is_over(stream)


async def test_a_stream_whose_token_was_revoked_ends_at_the_next_validation(monitoring: Monitoring) -> None:
    stream = monitoring.stream()
    monitoring.auth.reject("token")

    await monitoring.clock.elapse(14)
    assert not is_over(stream)
    await monitoring.clock.elapse(1)
    assert is_over(stream)


@pytest.mark.parametrize("age", [0, 100, 299], ids="validated {} seconds before".format)
async def test_no_stream_outlives_a_revoked_token_by_more_than_315_seconds(age: int) -> None:
    clock = FrozenClock()
    service = ScriptedAuthService(answer=lambda _: vouching_for("alice"))
    async with AuthClient("http://auth", "key", clock, transport=service.transport) as auth:
        stream_monitor = StreamMonitor(
            authenticator=BearerAuthenticator(auth), clock=clock, settings=StreamSettings(max_seconds=3600)
        )
        await auth.authenticate("token")
        await clock.elapse(age)
        stream = Watched(User(id="alice"))
        stream_monitor.enter(stream.state)
        # Another request has just renewed the answer, which is cached for another 300 seconds.
        await clock.elapse(301 - age)
        await auth.authenticate("token")
        asked = len(service.asked)
        service.answer = lambda _: rejecting()

        await clock.elapse(284)
        assert not is_over(stream)
        await clock.elapse(31)
        assert is_over(stream)
        assert len(service.asked) == asked + 1
        await stream_monitor.close()


async def test_a_token_that_now_belongs_to_another_user_ends_the_stream(monitoring: Monitoring) -> None:
    stream = monitoring.stream()
    monitoring.auth.accept("token", User(id="bob"))

    await monitoring.clock.elapse(15)
    assert is_over(stream)


async def test_a_short_outage_of_auth_ends_no_stream(monitoring: Monitoring) -> None:
    stream = monitoring.stream()
    await monitoring.clock.elapse(14)
    monitoring.auth.outage = True
    await monitoring.clock.elapse(10)
    monitoring.auth.outage = False
    await monitoring.clock.elapse(10)

    assert not is_over(stream)
    assert monitoring.auth.trace_ids == ["trace"]


async def test_a_stream_ends_when_its_token_cannot_be_validated_for_long(monitoring: Monitoring) -> None:
    stream = monitoring.stream()
    monitoring.auth.outage = True

    await monitoring.clock.elapse(29)
    assert not is_over(stream)
    await monitoring.clock.elapse(1)
    assert is_over(stream)


async def test_a_stream_ends_when_its_validation_keeps_failing(
    monitoring: Monitoring, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = monitoring.stream()

    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(monitoring.auth, "authenticate", fail)

    await monitoring.clock.elapse(29)
    assert not is_over(stream)
    await monitoring.clock.elapse(1)
    assert is_over(stream)


async def test_the_monitor_runs_no_task_while_no_stream_is_open(monitoring: Monitoring) -> None:
    stream = monitoring.stream()
    await monitoring.clock.elapse(1)
    ticked_with_one = is_ticking()
    monitoring.stream_monitor.leave(stream.state)
    await monitoring.clock.elapse(1)
    ticked_with_none = is_ticking()

    again = monitoring.stream()
    await monitoring.clock.elapse(15)
    assert (ticked_with_one, ticked_with_none) == (True, False)
    assert again.state.owes_keep_alive


async def test_all_streams_end_with_the_process(monitoring: Monitoring) -> None:
    streams = [monitoring.stream() for _ in range(3)]

    monitoring.stream_monitor.end_all()
    assert all(stream.state.is_over and stream.wake_count for stream in streams)
