"""Request rates: how many requests a user may send in a minute."""

import pytest

from chatcore import UserId
from chatcore_memory import FrozenClock
from chatcore_service.http.request_rate import RequestRate

ALICE, BOB = UserId("alice"), UserId("bob")


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


def taken(rate: RequestRate, count: int, user: UserId = ALICE) -> list[int]:
    """Sends requests; returns how long each of them has to wait, in seconds."""
    return [rate.take(user) for _ in range(count)]


def test_a_minute_has_the_limit_and_no_more(clock: FrozenClock) -> None:
    rate = RequestRate(3, clock)

    assert taken(rate, 4)[:3] == [0, 0, 0]
    assert rate.take(ALICE) > 0
    assert rate.take(BOB) == 0


@pytest.mark.parametrize("start", [0, 1, 29, 59])
@pytest.mark.parametrize("limit", [1, 2, 7, 100])
def test_a_request_that_waits_as_long_as_it_is_told_is_accepted(clock: FrozenClock, start: int, limit: int) -> None:
    clock.advance(60 - clock.monotonic() % 60 + start)
    rate = RequestRate(limit, clock)
    assert taken(rate, limit) == [0] * limit
    wait_seconds = rate.take(ALICE)

    assert 1 <= wait_seconds <= 61
    clock.advance(wait_seconds - 1)
    assert rate.take(ALICE) > 0
    clock.advance(1)
    assert rate.take(ALICE) == 0


def test_the_end_of_a_window_does_not_free_the_whole_limit(clock: FrozenClock) -> None:
    rate = RequestRate(10, clock)
    clock.advance(60 - clock.monotonic() % 60 + 59)
    assert taken(rate, 10) == [0] * 10

    clock.advance(2)
    # A minute that begins within a window is counted by the mean of that window.
    assert taken(rate, 10).count(0) == 1


def test_a_refused_request_does_not_prolong_the_wait(clock: FrozenClock) -> None:
    rate = RequestRate(2, clock)
    waits = taken(rate, 50)

    assert len(set(waits[2:])) == 1


def test_users_who_are_silent_for_two_minutes_are_forgotten(clock: FrozenClock) -> None:
    rate = RequestRate(2, clock)
    for number in range(1000):
        rate.take(UserId(f"user-{number}"))
    assert rate.known_users == 1000

    clock.advance(120)
    rate.take(ALICE)
    assert rate.known_users == 1
