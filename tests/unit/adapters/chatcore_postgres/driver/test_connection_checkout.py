"""The checkout loses no connection, and no task waits for ever."""

import asyncio
from collections import deque
from typing import Any, cast

import pytest
from attrs import define
from psycopg_pool import PoolTimeout, TooManyRequests
from tests.unit.virtual_time import in_virtual_time

import chatcore_postgres.driver.connection_checkout
from chatcore_postgres.driver.connection_checkout import ConnectionCheckout


@define(eq=False)
class Connection:
    """The part of a connection that the checkout uses."""

    idle: bool = True

    def is_idle(self) -> bool:
        return self.idle


class Pool:
    """The part of a pool that the checkout uses. Making and taking back a connection can be delayed."""

    def __init__(self, size: int) -> None:
        self.max_size = size
        self.free = deque(Connection() for _ in range(size))
        self.takes_back = asyncio.Event()
        self.takes_back.set()
        self.came_back = asyncio.Event()
        self.is_closed = False

    async def getconn(self, seconds: float) -> Connection:
        async with asyncio.timeout(seconds):
            while not self.free:
                self.came_back.clear()
                await self.came_back.wait()
        return self.free.popleft()

    async def putconn(self, connection: Connection) -> None:
        await self.takes_back.wait()
        self.free.append(connection)
        self.came_back.set()

    async def close(self) -> None:
        self.is_closed = True


def checkout_of(pool: Pool, *, max_waiting: int = 0, seconds: float = 5.0) -> Any:  # noqa: ANN401
    return ConnectionCheckout(cast("Any", pool), max_waiting=max_waiting, seconds=seconds)


async def test_a_connection_comes_back_although_its_user_was_cancelled() -> None:
    pool = Pool(1)
    checkout = checkout_of(pool)
    pool.takes_back.clear()

    async def borrow() -> None:
        connection = await checkout.take()
        connection.idle = False
        try:
            await asyncio.sleep(0)
        finally:
            checkout.give_back(connection)
            await asyncio.Event().wait()

    borrower = asyncio.create_task(borrow())
    for _ in range(5):
        await asyncio.sleep(0)
    borrower.cancel()
    await asyncio.wait([borrower])
    assert not pool.free
    pool.takes_back.set()

    assert await checkout.take()
    assert checkout.waiting == 0


async def test_waiting_tasks_get_returned_connections_in_order() -> None:
    pool = Pool(2)
    checkout = checkout_of(pool)
    taken = [await checkout.take() for _ in range(2)]
    waiting = [asyncio.create_task(checkout.take()) for _ in range(3)]
    await asyncio.sleep(0)
    assert checkout.waiting == 3

    for connection in taken:
        checkout.give_back(connection)
    first, second = await asyncio.gather(*waiting[:2])
    assert not waiting[2].done()
    checkout.give_back(first)

    assert await waiting[2] is first
    assert {first, second} == set(taken)


@in_virtual_time
async def test_waiting_is_limited_in_time_and_number() -> None:
    pool = Pool(1)
    checkout = checkout_of(pool, max_waiting=1, seconds=5)
    taken = await checkout.take()

    waiting = asyncio.create_task(checkout.take())
    await asyncio.sleep(0)
    with pytest.raises(TooManyRequests):
        await checkout.take()
    with pytest.raises(PoolTimeout):
        await waiting

    checkout.give_back(taken)
    assert await checkout.take() is taken


async def test_the_connection_returned_last_is_handed_out_first() -> None:
    pool = Pool(3)
    checkout = checkout_of(pool)
    first, second, third = [await checkout.take() for _ in range(3)]
    for connection in (first, third, second):
        checkout.give_back(connection)

    assert checkout.idle == 3
    assert not pool.free
    assert [await checkout.take() for _ in range(3)] == [second, third, first]
    await checkout.close()


async def test_a_connection_that_is_not_idle_goes_to_the_pool() -> None:
    pool = Pool(2)
    checkout = checkout_of(pool)
    sound, broken = await checkout.take(), await checkout.take()
    broken.idle = False
    checkout.give_back(sound)
    checkout.give_back(broken)
    await asyncio.sleep(0)

    assert checkout.idle == 1
    assert list(pool.free) == [broken]
    await checkout.close()


async def test_idle_connections_go_back_to_the_pool_after_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(chatcore_postgres.driver.connection_checkout, "_IDLE_SECONDS", 0.001)
    pool = Pool(2)
    checkout = checkout_of(pool)
    first, second = await checkout.take(), await checkout.take()
    checkout.give_back(first)
    checkout.give_back(second)

    async with asyncio.timeout(5):
        await pool.came_back.wait()

    assert list(pool.free) == [second, first]
    assert checkout.idle == 0


async def test_a_task_that_waits_in_the_pool_gets_a_returned_connection() -> None:
    pool = Pool(2)
    # The second connection is not made yet.
    pool.free.pop()
    checkout = checkout_of(pool)
    taken = await checkout.take()
    waiting = asyncio.create_task(checkout.take())
    await asyncio.sleep(0)
    assert checkout.waiting == 0

    checkout.give_back(taken)

    assert await waiting is taken


async def test_closing_returns_every_connection_to_the_pool() -> None:
    pool = Pool(3)
    checkout = checkout_of(pool)
    taken = [await checkout.take() for _ in range(3)]
    checkout.give_back(taken[0])

    async def give_back_late() -> None:
        checkout.give_back(taken[1])

    late = asyncio.create_task(give_back_late())
    await checkout.close()
    await late
    checkout.give_back(taken[2])
    await asyncio.sleep(0)

    assert pool.is_closed
    assert checkout.idle == 0
    assert set(pool.free) == set(taken)
