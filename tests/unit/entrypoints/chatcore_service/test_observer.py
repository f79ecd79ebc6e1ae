"""When the service logs and counts replies: never where a first token would wait for it."""

from collections.abc import Sequence

import pytest
import structlog

from chatcore.replies.lease import Lease
from chatcore.testing.samples import a_conversation, a_final_state, a_turn
from chatcore_memory import FrozenClock
from chatcore_service.metrics import Metrics
from chatcore_service.observer import START_SECONDS, LoggingObserver


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def observer(clock: FrozenClock) -> LoggingObserver:
    return LoggingObserver(Metrics(), clock)


def a_lease() -> Lease:
    return a_turn(a_conversation()).lease(epoch=1)


async def test_a_start_is_logged_soon_but_not_at_once(observer: LoggingObserver, clock: FrozenClock) -> None:
    with structlog.testing.capture_logs() as lines:
        observer.generation_started(a_lease(), "trace-1")
        await clock.sleepers(1)
        before = events(lines)
        await clock.elapse(START_SECONDS)

    assert (before, events(lines)) == ([], [("a reply has begun", "trace-1")])
    assert "chatcore_active_generations 1.0" in page(observer)


async def test_a_start_is_logged_before_an_end_that_comes_sooner(observer: LoggingObserver, clock: FrozenClock) -> None:
    lease = a_lease()
    with structlog.testing.capture_logs() as lines:
        observer.generation_started(lease, "trace-1")
        observer.generation_ended(lease, a_final_state(), "trace-1")
        await clock.elapse(START_SECONDS)

    assert events(lines) == [("a reply has begun", "trace-1"), ("a reply has ended", "trace-1")]
    assert "chatcore_active_generations 0.0" in page(observer)


async def test_a_start_that_was_logged_is_not_logged_again_at_the_end(
    observer: LoggingObserver, clock: FrozenClock
) -> None:
    lease = a_lease()
    with structlog.testing.capture_logs() as lines:
        observer.generation_started(lease, "trace-1")
        await clock.elapse(START_SECONDS)
        observer.generation_ended(lease, None, "trace-1")

    assert events(lines) == [("a reply has begun", "trace-1"), ("a reply has ended", "trace-1")]
    assert "chatcore_active_generations 0.0" in page(observer)


async def test_a_reply_that_is_handed_over_is_not_counted_as_lost(observer: LoggingObserver) -> None:
    lease = a_lease()
    with structlog.testing.capture_logs() as lines:
        observer.generation_started(lease, "trace-1")
        observer.handed_over(lease, "trace-1")

    assert events(lines) == [("a reply has begun", "trace-1"), ("a reply was handed over", "trace-1")]
    assert "chatcore_active_generations 0.0" in page(observer)
    assert "chatcore_handed_over_generations_total 1.0" in page(observer)
    assert "lost" not in page(observer)


def events(lines: Sequence[structlog.typing.EventDict]) -> list[tuple[object, object]]:
    return [(line["event"], line["trace_id"]) for line in lines]


def page(observer: LoggingObserver) -> str:
    return observer.metrics.exposition().decode()
