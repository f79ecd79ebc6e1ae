"""Connections on loan: nobody loses one, and nobody waits for ever."""

import asyncio
from collections import deque
from typing import Any, cast

import pytest
from psycopg_pool import PoolTimeout, TooManyRequests

from chatcore_postgres.loans import Loans


class Pool:
    """As much of a pool as there is to lending: it can take its time to take a connection back."""

    def __init__(self, size: int) -> None:
        self.max_size = size
        self.free = deque(range(size))
        self.is_open = asyncio.Event()
        self.is_open.set()

    async def getconn(self, seconds: float) -> int:
        assert seconds > 0
        # Who has to wait for a connection does not come to the pool.
        return self.free.popleft()

    async def putconn(self, connection: int) -> None:
        await self.is_open.wait()
        self.free.append(connection)


# Numbers stand for connections here.
def loans_of(pool: Pool, *, max_waiting: int = 0, seconds: float = 5.0) -> Any:  # noqa: ANN401
    return Loans(cast("Any", pool), max_waiting=max_waiting, seconds=seconds)


async def test_a_connection_comes_back_although_its_borrower_was_cancelled_meanwhile() -> None:
    pool = Pool(1)
    loans = loans_of(pool)
    pool.is_open.clear()

    async def borrow() -> None:
        connection = await loans.take()
        try:
            await asyncio.sleep(0)
        finally:
            loans.give_back(connection)
            await asyncio.Event().wait()

    borrower = asyncio.create_task(borrow())
    for _ in range(5):
        await asyncio.sleep(0)
    borrower.cancel()
    await asyncio.wait([borrower])
    assert not pool.free
    pool.is_open.set()

    assert await loans.take() == 0
    assert loans.waiting == 0


async def test_who_waits_gets_what_comes_back_in_turn() -> None:
    pool = Pool(2)
    loans = loans_of(pool)
    taken = [await loans.take() for _ in range(2)]
    waiting = [asyncio.create_task(loans.take()) for _ in range(3)]
    await asyncio.sleep(0)
    assert loans.waiting == 3

    for connection in taken:
        loans.give_back(connection)
    first, second = await asyncio.gather(*waiting[:2])
    assert not waiting[2].done()
    loans.give_back(first)

    assert await waiting[2] == first
    assert {first, second} == {0, 1}


async def test_nobody_waits_longer_than_is_allowed_or_in_vain() -> None:
    pool = Pool(1)
    loans = loans_of(pool, max_waiting=1, seconds=0.05)
    taken = await loans.take()

    waiting = asyncio.create_task(loans.take())
    await asyncio.sleep(0)
    with pytest.raises(TooManyRequests):
        await loans.take()
    with pytest.raises(PoolTimeout):
        await waiting

    loans.give_back(taken)
    assert await loans.take() == taken


async def test_what_is_on_its_way_back_is_waited_for_at_the_end() -> None:
    pool = Pool(1)
    loans = loans_of(pool)
    loans.give_back(await loans.take())

    await loans.close()

    assert list(pool.free) == [0]
