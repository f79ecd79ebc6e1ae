"""Tests that concurrent requests for the same key share one call."""

import asyncio

import pytest
from tests.unit.settling import settle

from chatcore_auth.single_flight import FlightAbortedError, SingleFlight


class SlowCall:
    """Returns when the test sets `answer`; counts how often it was started."""

    def __init__(self) -> None:
        self.started = 0
        self.answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def __call__(self) -> str:
        self.started += 1
        return await asyncio.shield(self.answer)


async def test_concurrent_requests_share_one_call() -> None:
    flights, call = SingleFlight[str, str](), SlowCall()
    waiters = [asyncio.create_task(flights.run("key", call)) for _ in range(500)]
    await settle()

    call.answer.set_result("yes")

    assert await asyncio.gather(*waiters) == ["yes"] * 500
    assert call.started == 1


async def test_a_request_after_the_result_starts_a_new_call() -> None:
    flights, call = SingleFlight[str, str](), SlowCall()
    call.answer.set_result("yes")

    await flights.run("key", call)
    await settle()
    await flights.run("key", call)

    assert call.started == 2


async def test_each_key_has_its_own_call() -> None:
    flights, one, other = SingleFlight[str, str](), SlowCall(), SlowCall()
    other.answer.set_result("other")
    waiter = asyncio.create_task(flights.run("one", one))

    assert await flights.run("other", other) == "other"

    one.answer.set_result("one")
    assert await waiter == "one"


async def test_cancelling_the_first_waiter_does_not_affect_the_others() -> None:
    flights, call = SingleFlight[str, str](), SlowCall()
    first = asyncio.create_task(flights.run("key", call))
    await settle()
    second = asyncio.create_task(flights.run("key", call))
    await settle()

    first.cancel()
    await settle()
    call.answer.set_result("yes")

    assert await second == "yes"
    assert first.cancelled()
    assert call.started == 1


async def test_the_call_continues_when_all_waiters_are_cancelled() -> None:
    flights, call = SingleFlight[str, str](), SlowCall()
    only = asyncio.create_task(flights.run("key", call))
    await settle()
    only.cancel()
    await settle()

    late = asyncio.create_task(flights.run("key", call))
    await settle()
    call.answer.set_result("yes")

    assert await late == "yes"
    assert call.started == 1


async def test_an_aborted_call_raises_in_its_waiters() -> None:
    flights, call = SingleFlight[str, str](), SlowCall()
    waiter = asyncio.create_task(flights.run("key", call))
    await settle()

    await flights.abort()

    with pytest.raises(FlightAbortedError):
        await waiter
    call.answer.cancel()
