"""What the service writes of replies, and when: never where a first token would wait for it."""

from collections.abc import Sequence

import pytest
import structlog
from tests.unit.conftest import until

from chatcore.replies.lease import Lease
from chatcore.testing.samples import a_conversation, a_final_state, a_turn
from chatcore_service.metrics import Metrics
from chatcore_service.observer import LoggingObserver


@pytest.fixture
def observer() -> LoggingObserver:
    return LoggingObserver(Metrics())


def a_lease() -> Lease:
    return a_turn(a_conversation()).lease(epoch=1)


async def test_a_start_is_written_soon_but_not_at_once(observer: LoggingObserver) -> None:
    with structlog.testing.capture_logs() as lines:
        observer.generation_started(a_lease(), "trace-1")
        before = events(lines)
        await until(lambda: lines)

    assert (before, events(lines)) == ([], [("a reply has begun", "trace-1")])
    assert "chatcore_active_generations 1.0" in page(observer)


async def test_a_start_is_written_before_an_end_that_comes_sooner(observer: LoggingObserver) -> None:
    lease, another = a_lease(), a_lease()
    with structlog.testing.capture_logs() as lines:
        observer.generation_started(lease, "trace-1")
        observer.generation_ended(lease, a_final_state(), "trace-1")
        # Whatever waited for the first one has had its turn by the time that this one is written.
        observer.generation_started(another, "trace-2")
        await until(lambda: len(lines) > 2)

    assert events(lines) == [
        ("a reply has begun", "trace-1"),
        ("a reply has ended", "trace-1"),
        ("a reply has begun", "trace-2"),
    ]
    assert "chatcore_active_generations 1.0" in page(observer)


async def test_a_start_that_was_written_is_not_written_again_at_the_end(observer: LoggingObserver) -> None:
    lease = a_lease()
    with structlog.testing.capture_logs() as lines:
        observer.generation_started(lease, "trace-1")
        await until(lambda: lines)
        observer.generation_ended(lease, None, "trace-1")

    assert events(lines) == [("a reply has begun", "trace-1"), ("a reply has ended", "trace-1")]
    assert "chatcore_active_generations 0.0" in page(observer)


def events(lines: Sequence[structlog.typing.EventDict]) -> list[tuple[object, object]]:
    return [(line["event"], line["trace_id"]) for line in lines]


def page(observer: LoggingObserver) -> str:
    return observer.metrics.exposition().decode()
