"""Tests when the circuit breaker allows calls and checks."""

from tests.unit.adapters.chatcore_auth.scripted_auth_service import HandSetClock

from chatcore_auth.circuit_breaker import CircuitBreaker


def in_doubt(clock: HandSetClock) -> CircuitBreaker:
    breaker = CircuitBreaker(clock, failures_to_doubt=3, pause_seconds=2.0)
    for number in range(3):
        assert not breaker.is_in_doubt
        breaker.record_failure(b"%d" % number)
    return breaker


def opened(clock: HandSetClock) -> CircuitBreaker:
    breaker = in_doubt(clock)
    assert breaker.open()
    return breaker


def test_failures_of_different_tokens_in_a_row_raise_a_doubt_that_needs_a_check() -> None:
    breaker = in_doubt(HandSetClock())

    assert breaker.is_in_doubt
    assert [breaker.allows_check() for _ in range(3)] == [True, True, True]


def test_failures_of_the_same_tokens_raise_no_doubt() -> None:
    breaker = CircuitBreaker(HandSetClock(), failures_to_doubt=3, pause_seconds=2.0)

    for _ in range(100):
        breaker.record_failure(b"one")
        breaker.record_failure(b"another")

    assert not breaker.is_in_doubt


def test_an_answer_resets_the_count_of_failures() -> None:
    breaker = CircuitBreaker(HandSetClock(), failures_to_doubt=3, pause_seconds=2.0)

    for number in range(10):
        breaker.record_failure(b"%d" % number)
        breaker.record_failure(b"%d" % -number)
        assert not breaker.record_answer()

    assert not breaker.is_in_doubt


def test_a_failed_check_opens_the_breaker_and_says_so_once() -> None:
    breaker = in_doubt(HandSetClock())

    assert [breaker.open() for _ in range(3)] == [True, False, False]
    assert not breaker.allows_check()


def test_after_a_pause_one_check_is_allowed() -> None:
    clock = HandSetClock()
    breaker = opened(clock)

    clock.advance(1.999)
    assert not breaker.allows_check()
    clock.advance(0.001)

    assert [breaker.allows_check() for _ in range(3)] == [True, False, False]


def test_a_check_that_fails_starts_another_pause() -> None:
    clock = HandSetClock()
    breaker = opened(clock)
    clock.advance(2.0)
    breaker.allows_check()
    clock.advance(1.0)

    breaker.open()

    clock.advance(1.999)
    assert not breaker.allows_check()
    clock.advance(0.001)
    assert breaker.allows_check()


def test_an_answer_closes_the_breaker() -> None:
    breaker = opened(HandSetClock())

    assert breaker.record_answer()

    assert not breaker.is_in_doubt


def test_another_check_follows_one_that_never_reports() -> None:
    clock = HandSetClock()
    breaker = opened(clock)
    clock.advance(2.0)
    breaker.allows_check()

    clock.advance(2.0)

    assert breaker.allows_check()
