"""The budget for bytes that requests and responses hold: the shares of users, and the way back."""

import weakref
from contextlib import suppress

import pytest

from chatcore import UserId
from chatcore_service.http.buffer_budget import FREE_BYTES, BufferBudget, HeldBytes
from chatcore_service.http.refusals import BuffersFullError, RefusedError, TooManyBufferedBytesError
from chatcore_service.metrics import Metrics

ALICE = UserId("alice")
MOST = 1_000_000


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def budget(metrics: Metrics) -> BufferBudget:
    return BufferBudget(MOST, metrics)


def filled(budget: BufferBudget, owner: UserId | None) -> int:
    """Holds as many bytes as an owner may, in steps; returns how many of them are counted."""
    before = budget.total
    held = HeldBytes(budget, owner)
    while held.grow(1000):
        pass
    return budget.total - before


def test_a_user_may_take_a_quarter(budget: BufferBudget) -> None:
    assert MOST / 4 - 1000 < filled(budget, ALICE) <= MOST / 4
    with pytest.raises(TooManyBufferedBytesError):
        budget.require_room(ALICE, 1000)

    assert filled(budget, UserId("bob")) > MOST / 4 - 1000


def test_all_without_a_valid_token_may_take_half(budget: BufferBudget) -> None:
    assert MOST / 2 - 1000 < filled(budget, None) <= MOST / 2
    with pytest.raises(BuffersFullError):
        budget.require_room(None, 1000)

    assert filled(budget, ALICE) > MOST / 4 - 1000


def test_the_process_holds_no_more_than_the_budget(budget: BufferBudget) -> None:
    taken = [filled(budget, UserId(f"user-{number}")) for number in range(10)]

    assert sum(taken) == budget.total <= MOST
    with pytest.raises(BuffersFullError):
        budget.require_room(UserId("another"), 1000)


def test_ordinary_messages_are_free(budget: BufferBudget) -> None:
    filled(budget, None)
    message = HeldBytes(budget)

    assert message.grow(FREE_BYTES)
    assert not message.grow(1000)


def test_no_byte_is_taken_after_a_refused_one(budget: BufferBudget) -> None:
    held = HeldBytes(budget, ALICE)
    assert not held.grow(MOST)

    assert not held.grow(1)
    with pytest.raises(TooManyBufferedBytesError):
        held.check()


def test_bytes_are_counted_once_whoever_owns_them(budget: BufferBudget, metrics: Metrics) -> None:
    held = HeldBytes(budget)
    assert held.grow(FREE_BYTES + 300)
    held.assign(ALICE)
    assert held.grow(200)
    assert budget.total == 500
    assert b"chatcore_buffered_bytes 500.0" in metrics.exposition()

    held.release()
    held.release()
    assert budget.total == 0
    assert filled(budget, ALICE) > MOST / 4 - 1000


def test_bytes_that_arrived_before_the_token_was_validated_need_room_in_the_share_of_the_user(
    budget: BufferBudget,
) -> None:
    held = HeldBytes(budget)
    assert held.grow(MOST // 3)

    with pytest.raises(TooManyBufferedBytesError):
        held.assign(ALICE)
    assert budget.total == 0
    assert not held.grow(1)


def test_what_is_held_already_is_counted_beyond_the_limit(budget: BufferBudget) -> None:
    held = HeldBytes(budget, ALICE)
    held.hold(2 * MOST)

    with pytest.raises(BuffersFullError):
        budget.require_room(UserId("bob"))
    held.hold(0)
    budget.require_room(UserId("bob"))


def test_refusals_are_counted(budget: BufferBudget, metrics: Metrics) -> None:
    filled(budget, ALICE)
    filled(budget, None)

    text = metrics.exposition()
    for code in (b"too_many_buffered_bytes", b"buffers_full"):
        assert b'chatcore_requests_refused_by_limits_total{code="%b"} 1.0' % code in text


def test_a_refusal_keeps_nothing_of_the_reader_that_it_interrupts(budget: BufferBudget) -> None:
    class Body:
        pass

    bodies: list[weakref.ref[Body]] = []

    def read() -> None:
        body = Body()
        bodies.append(weakref.ref(body))
        held.check()

    held = HeldBytes(budget, ALICE)
    assert not held.grow(MOST)
    for _ in range(2):
        with suppress(RefusedError):
            read()

    # The body goes with its reader, before any garbage collection, while the connection still has its count.
    assert [body() for body in bodies] == [None, None]
