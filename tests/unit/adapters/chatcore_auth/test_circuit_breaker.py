"""The breaker spares callers the wait for a service that is known to be away."""

from tests.unit.adapters.chatcore_auth.scripted_auth_service import HandSetClock

from chatcore_auth.circuit_breaker import CircuitBreaker


def opened(clock: HandSetClock) -> CircuitBreaker:
    breaker = CircuitBreaker(clock, failures_to_open=3, pause_seconds=2.0)
    for _ in range(3):
        assert breaker.allows_call()
        breaker.record_failure()
    return breaker


def test_it_opens_after_so_many_failures_in_a_row_and_says_so_once() -> None:
    breaker = CircuitBreaker(HandSetClock(), failures_to_open=3, pause_seconds=2.0)

    assert [breaker.record_failure() for _ in range(4)] == [False, False, True, False]
    assert not breaker.allows_call()


def test_a_success_in_between_begins_the_count_anew() -> None:
    breaker = CircuitBreaker(HandSetClock(), failures_to_open=3, pause_seconds=2.0)

    for _ in range(10):
        breaker.record_failure()
        breaker.record_failure()
        assert not breaker.record_success()

    assert breaker.allows_call()


def test_after_a_pause_one_caller_probes_and_the_others_do_not() -> None:
    clock = HandSetClock()
    breaker = opened(clock)

    clock.advance(1.999)
    assert not breaker.allows_call()
    clock.advance(0.001)

    assert [breaker.allows_call() for _ in range(3)] == [True, False, False]


def test_a_probe_that_fails_begins_another_pause() -> None:
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


def test_a_probe_that_succeeds_lets_everyone_through() -> None:
    clock = HandSetClock()
    breaker = opened(clock)
    clock.advance(2.0)
    breaker.allows_call()

    assert breaker.record_success()

    assert [breaker.allows_call() for _ in range(3)] == [True, True, True]


def test_a_probe_that_never_reports_is_replaced() -> None:
    clock = HandSetClock()
    breaker = opened(clock)
    clock.advance(2.0)
    breaker.allows_call()

    clock.advance(2.0)

    assert breaker.allows_call()
