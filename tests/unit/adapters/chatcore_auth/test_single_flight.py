"""Many who ask the same at the same time cause one call."""

import asyncio

import pytest
from tests.unit.settling import settle

from chatcore_auth.single_flight import FlightAbortedError, SingleFlight


class SlowCall:
    """Answers when it is told to; counts how often it was begun."""

    def __init__(self) -> None:
        self.begun = 0
        self.answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def __call__(self) -> str:
        self.begun += 1
        return await asyncio.shield(self.answer)


async def test_all_who_ask_meanwhile_share_one_call() -> None:
    flights, call = SingleFlight[str, str](), SlowCall()
    askers = [asyncio.create_task(flights.run("key", call)) for _ in range(500)]
    await settle()

    call.answer.set_result("yes")

    assert await asyncio.gather(*askers) == ["yes"] * 500
    assert call.begun == 1


async def test_who_asks_after_the_answer_causes_a_new_call() -> None:
    flights, call = SingleFlight[str, str](), SlowCall()
    call.answer.set_result("yes")

    await flights.run("key", call)
    await settle()
    await flights.run("key", call)

    assert call.begun == 2


async def test_other_keys_have_calls_of_their_own() -> None:
    flights, one, other = SingleFlight[str, str](), SlowCall(), SlowCall()
    other.answer.set_result("other")
    asker = asyncio.create_task(flights.run("one", one))

    assert await flights.run("other", other) == "other"

    one.answer.set_result("one")
    assert await asker == "one"


async def test_the_first_asker_may_go_away_and_the_others_are_answered() -> None:
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
    assert call.begun == 1


async def test_the_call_goes_on_when_all_askers_have_gone() -> None:
    flights, call = SingleFlight[str, str](), SlowCall()
    only = asyncio.create_task(flights.run("key", call))
    await settle()
    only.cancel()
    await settle()

    late = asyncio.create_task(flights.run("key", call))
    await settle()
    call.answer.set_result("yes")

    assert await late == "yes"
    assert call.begun == 1


async def test_an_aborted_call_tells_its_askers_without_cancelling_them() -> None:
    flights, call = SingleFlight[str, str](), SlowCall()
    asker = asyncio.create_task(flights.run("key", call))
    await settle()

    await flights.abort()

    with pytest.raises(FlightAbortedError):
        await asker
    call.answer.cancel()
