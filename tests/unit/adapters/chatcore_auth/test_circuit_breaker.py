"""Tests when the circuit breaker lets a call through."""

from tests.unit.adapters.chatcore_auth.scripted_auth_service import HandSetClock

from chatcore_auth.circuit_breaker import CircuitBreaker


def opened(clock: HandSetClock) -> CircuitBreaker:
    breaker = CircuitBreaker(clock, failures_to_open=3, pause_seconds=2.0)
    for _ in range(3):
        assert breaker.allows_call()
        breaker.record_failure()
    return breaker


def test_it_opens_after_failures_in_a_row_and_reports_that_once() -> None:
    breaker = CircuitBreaker(HandSetClock(), failures_to_open=3, pause_seconds=2.0)

    assert [breaker.record_failure() for _ in range(4)] == [False, False, True, False]
    assert not breaker.allows_call()


def test_a_success_resets_the_count_of_failures() -> None:
    breaker = CircuitBreaker(HandSetClock(), failures_to_open=3, pause_seconds=2.0)

    for _ in range(10):
        breaker.record_failure()
        breaker.record_failure()
        assert not breaker.record_success()

    assert breaker.allows_call()


def test_after_a_pause_one_call_is_let_through_as_a_probe() -> None:
    clock = HandSetClock()
    breaker = opened(clock)

    clock.advance(1.999)
    assert not breaker.allows_call()
    clock.advance(0.001)

    assert [breaker.allows_call() for _ in range(3)] == [True, False, False]


def test_a_probe_that_fails_starts_another_pause() -> None:
    clock = HandSetClock()
    breaker = opened(clock)
    clock.advance(2.0)
    breaker.allows_call()
    clock.advance(1.0)

    breaker.record_failure()

    clock.advance(1.999)
    assert not breaker.allows_call()
    clock.advance(0.001)
    assert breaker.allows_call()


def test_a_probe_that_succeeds_closes_the_breaker() -> None:
    clock = HandSetClock()
    breaker = opened(clock)
    clock.advance(2.0)
    breaker.allows_call()

    assert breaker.record_success()

    assert [breaker.allows_call() for _ in range(3)] == [True, True, True]


def test_another_probe_follows_one_that_never_reports() -> None:
    clock = HandSetClock()
    breaker = opened(clock)
    clock.advance(2.0)
    breaker.allows_call()

    clock.advance(2.0)

    assert breaker.allows_call()
