"""Tests that callers wait for calls only so long, and that calls end by themselves."""

import asyncio

import pytest
from tests.unit.virtual_time import in_virtual_time

from chatcore_auth.lasting_calls import LastingCalls


async def answer_after(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "answer"


@in_virtual_time
async def test_a_call_goes_on_after_its_caller_has_gone() -> None:
    calls = LastingCalls()
    call = calls.start(answer_after(3))

    with pytest.raises(TimeoutError):
        await calls.result(call, deadline=2)
    pending = len(calls)

    assert pending == 1
    assert await calls.result(call, deadline=4) == "answer"
    assert len(calls) == 0


@in_virtual_time
async def test_a_cancelled_caller_leaves_the_call_alone() -> None:
    calls = LastingCalls()
    call = calls.start(answer_after(3))
    caller = asyncio.create_task(calls.result(call, deadline=5))
    await asyncio.sleep(1)
    caller.cancel()
    await asyncio.gather(caller, return_exceptions=True)

    assert await call == "answer"


@in_virtual_time
async def test_all_calls_can_be_cancelled_at_the_end() -> None:
    calls = LastingCalls()
    started = [calls.start(answer_after(3)) for _ in range(3)]

    await calls.cancel()

    assert [call.cancelled() for call in started] == [True] * 3
    assert len(calls) == 0
