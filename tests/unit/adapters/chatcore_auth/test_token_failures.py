"""Tests that a token is refused for a while after failures of its own, in bounded memory."""

from tests.unit.adapters.chatcore_auth.scripted_auth_service import HandSetClock

from chatcore_auth.token_failures import MAX_SIZE, TokenFailures


def failed(clock: HandSetClock, times: int) -> TokenFailures:
    failures = TokenFailures(clock, pause_seconds=2.0)
    for _ in range(times):
        failures.record_failure(b"token")
    return failures


def test_a_token_is_paused_after_three_failures_in_a_row() -> None:
    assert [failed(HandSetClock(), times).is_paused(b"token") for times in range(5)] == [
        False,
        False,
        False,
        True,
        True,
    ]


def test_the_failures_of_one_token_do_not_count_against_another() -> None:
    assert not failed(HandSetClock(), 10).is_paused(b"another")


def test_a_pause_lasts_two_seconds_and_each_further_failure_starts_another() -> None:
    clock = HandSetClock()
    failures = failed(clock, 3)

    clock.advance(1.999)
    assert failures.is_paused(b"token")
    clock.advance(0.002)
    assert not failures.is_paused(b"token")

    failures.record_failure(b"token")
    assert failures.is_paused(b"token")


def test_an_answer_and_a_long_time_reset_the_count() -> None:
    clock = HandSetClock()
    answered, aged = failed(clock, 2), failed(clock, 2)
    answered.record_answer(b"token")
    clock.advance(20.001)

    for failures in (answered, aged):
        failures.record_failure(b"token")
        assert not failures.is_paused(b"token")


def test_a_flood_of_failing_tokens_is_forgotten_beyond_the_limit() -> None:
    failures = TokenFailures(HandSetClock(), pause_seconds=2.0)

    for number in range(3 * MAX_SIZE):
        for _ in range(3):
            failures.record_failure(b"%d" % number)

    assert sum(failures.is_paused(b"%d" % number) for number in range(3 * MAX_SIZE)) == MAX_SIZE
