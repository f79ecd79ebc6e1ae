"""The stream_monitor, on a clock that stands still until it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from tests.unit.adapters.chatcore_auth.scripted_auth_service import ScriptedAuthService, rejecting, vouching_for

from chatcore import User
from chatcore_auth import AuthClient
from chatcore_memory import FrozenClock, StaticAuth
from chatcore_service.http.caller import Caller
from chatcore_service.settings import StreamSettings
from chatcore_service.streaming.stream_monitor import StreamMonitor, StreamState


class Watched:
    """A stream as the monitor sees it, and what it was told."""

    def __init__(self, user: User) -> None:
        self.wakings = 0
        self.is_cut_off = False
        self.state = StreamState(Caller(user=user, token="token", trace_id="trace"), wake=self._wake)
        self.state.abort = self._abort

    def _wake(self) -> None:
        self.wakings += 1

    def _abort(self) -> None:
        self.is_cut_off = True


class Pacing:
    """A stream_monitor, its clock and its auth service."""

    def __init__(self) -> None:
        self.clock = FrozenClock()
        self.user = User(id="alice")
        self.auth = StaticAuth({"token": self.user}, clock=self.clock)
        self.stream_monitor = StreamMonitor(auth=self.auth, clock=self.clock, settings=StreamSettings())

    def stream(self, user: User | None = None) -> Watched:
        """A stream that the monitor looks after."""
        watched = Watched(user or self.user)
        self.stream_monitor.enter(watched.state)
        return watched


# Asked by functions: a type checker takes an attribute for what it was before the clock moved.


def owes(stream: Watched) -> bool:
    return stream.state.owes_keep_alive


def was_cut_off(stream: Watched) -> bool:
    return stream.is_cut_off


def is_over(stream: Watched) -> bool:
    return stream.state.is_over


def is_ticking() -> bool:
    return "monitoring streams" in {task.get_name() for task in asyncio.all_tasks()}


@pytest.fixture
async def pacing() -> AsyncIterator[Pacing]:
    pacing = Pacing()
    yield pacing
    await pacing.stream_monitor.close()


async def test_a_silent_stream_owes_a_comment_after_15_seconds(pacing: Pacing) -> None:
    stream = pacing.stream()

    await pacing.clock.elapse(14)
    assert not owes(stream)
    await pacing.clock.elapse(1)
    assert owes(stream)
    assert stream.wakings == 1


async def test_a_stream_that_sends_owes_nothing(pacing: Pacing) -> None:
    stream = pacing.stream()

    for _ in range(5):
        stream.state.has_written = True
        await pacing.clock.elapse(14)
    assert not stream.state.owes_keep_alive


async def test_a_reader_who_takes_nothing_for_30_seconds_is_cut_off(pacing: Pacing) -> None:
    stream = pacing.stream()
    stream.state.is_writing = True

    await pacing.clock.elapse(29)
    assert not was_cut_off(stream)
    await pacing.clock.elapse(1)
    assert was_cut_off(stream)
    assert not stream.state.owes_keep_alive


async def test_a_stream_lives_for_ten_minutes(pacing: Pacing) -> None:
    stream = pacing.stream()

    await pacing.clock.elapse(599)
    assert not is_over(stream)
    await pacing.clock.elapse(1)
    assert is_over(stream)


async def test_a_stream_ends_with_its_token(pacing: Pacing) -> None:
    stream = pacing.stream(User(id="alice", expires_at=pacing.clock.now() + timedelta(seconds=60)))

    await pacing.clock.elapse(59)
    assert not is_over(stream)
    await pacing.clock.elapse(1)
    assert is_over(stream)


async def test_a_token_is_validated_again_every_15_seconds(pacing: Pacing) -> None:
    stream = pacing.stream()

    await pacing.clock.elapse(59)
    assert pacing.auth.trace_ids == ["trace"] * 3
    assert not is_over(stream)


async def test_a_stream_whose_token_was_revoked_is_over_at_the_next_look(pacing: Pacing) -> None:
    stream = pacing.stream()
    pacing.auth.reject("token")

    await pacing.clock.elapse(14)
    assert not is_over(stream)
    await pacing.clock.elapse(1)
    assert is_over(stream)


@pytest.mark.parametrize("age", [0, 100, 299], ids="validated {} seconds before".format)
async def test_no_stream_outlives_the_revocation_of_its_token_by_more_than_315_seconds(age: int) -> None:
    clock = FrozenClock()
    service = ScriptedAuthService(answer=lambda _: vouching_for("alice"))
    async with AuthClient("http://auth", "key", clock, transport=service.transport) as auth:
        stream_monitor = StreamMonitor(auth=auth, clock=clock, settings=StreamSettings(max_seconds=3600))
        await auth.authenticate("token")
        await clock.elapse(age)
        stream = Watched(User(id="alice"))
        stream_monitor.enter(stream.state)
        # Just now somebody's request has had the answer renewed, and it is remembered for another 300 seconds.
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


async def test_a_token_that_is_somebody_elses_now_ends_the_stream(pacing: Pacing) -> None:
    stream = pacing.stream()
    pacing.auth.accept("token", User(id="bob"))

    await pacing.clock.elapse(15)
    assert is_over(stream)


async def test_a_short_outage_of_auth_ends_no_stream(pacing: Pacing) -> None:
    stream = pacing.stream()
    await pacing.clock.elapse(14)
    pacing.auth.outage = True
    await pacing.clock.elapse(10)
    pacing.auth.outage = False
    await pacing.clock.elapse(10)

    assert not is_over(stream)
    assert pacing.auth.trace_ids == ["trace"]


async def test_nobody_is_kept_in_on_a_guess(pacing: Pacing) -> None:
    stream = pacing.stream()
    pacing.auth.outage = True

    await pacing.clock.elapse(29)
    assert not is_over(stream)
    await pacing.clock.elapse(1)
    assert is_over(stream)


async def test_nobody_is_kept_in_by_a_bug(pacing: Pacing, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = pacing.stream()

    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError("nobody foresaw this")

    monkeypatch.setattr(pacing.auth, "authenticate", fail)

    await pacing.clock.elapse(29)
    assert not is_over(stream)
    await pacing.clock.elapse(1)
    assert is_over(stream)


async def test_there_is_no_tick_when_there_is_no_stream(pacing: Pacing) -> None:
    stream = pacing.stream()
    await pacing.clock.elapse(1)
    ticked_with_one = is_ticking()
    pacing.stream_monitor.leave(stream.state)
    await pacing.clock.elapse(1)
    ticked_with_none = is_ticking()

    again = pacing.stream()
    await pacing.clock.elapse(15)
    assert (ticked_with_one, ticked_with_none) == (True, False)
    assert again.state.owes_keep_alive


async def test_all_streams_end_with_the_process(pacing: Pacing) -> None:
    streams = [pacing.stream() for _ in range(3)]

    pacing.stream_monitor.end_all()
    assert all(stream.state.is_over and stream.wakings for stream in streams)
