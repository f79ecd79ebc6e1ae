"""Waiting on the shared epoll misses no answer, and watches no socket that no task waits for."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack

import pytest
from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus
from tests.integration.adapters.chatcore_postgres.small_database import small_database
from tests.integration.faults.tcp_proxy import TcpProxy
from tests.integration.faults.waiting import eventually

from chatcore_postgres.driver.database import Database, fetch_on
from chatcore_postgres.driver.epoll_wait import GIVE_UP_SECONDS, SharedEpoll, WaitingConnection

_MANY_BYTES = 20_000_000

Pair = tuple[socket.socket, socket.socket]


class _Counted(SharedEpoll):
    """Counts how often the loop wakes it."""

    looks = 0

    def _look(self) -> None:
        self.looks += 1
        super()._look()


@pytest.fixture
async def readiness() -> AsyncIterator[_Counted]:
    readiness = _Counted()
    yield readiness
    readiness.close()


@pytest.fixture
def pair() -> Iterator[Pair]:
    one, other = socket.socketpair()
    with one, other:
        yield one, other


@pytest.fixture
async def connection(database_url: str, readiness: SharedEpoll) -> AsyncIterator[WaitingConnection]:
    async with await WaitingConnection.connect(database_url, autocommit=True) as connection:
        connection.readiness = readiness
        yield connection


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with small_database(database_url) as database:
        yield database


async def test_an_answer_in_many_pieces_arrives_whole(connection: WaitingConnection) -> None:
    cursor = await connection.execute("select repeat('x', %s)", (_MANY_BYTES,))
    assert await cursor.fetchone() == ("x" * _MANY_BYTES,)


async def test_a_question_too_large_for_the_socket_is_sent_whole(connection: WaitingConnection) -> None:
    cursor = await connection.execute("select length(%s::text)", ("x" * _MANY_BYTES,))
    assert await cursor.fetchone() == (_MANY_BYTES,)


async def test_statements_on_many_connections_do_not_wait_for_each_other(
    database_url: str, readiness: SharedEpoll
) -> None:
    connections = [await WaitingConnection.connect(database_url, autocommit=True) for _ in range(5)]
    for connection in connections:
        connection.readiness = readiness
    first, *others = connections
    async with asyncio.timeout(10):
        async with asyncio.TaskGroup() as group:
            slow = group.create_task(first.execute("select pg_sleep(60)"))
            for connection in others:
                await connection.execute("select 1")
            assert not slow.done()
            slow.cancel()
    for connection in connections:
        await connection.close()


async def test_a_cancelled_statement_leaves_a_usable_connection(
    connection: WaitingConnection,
) -> None:
    statement = asyncio.create_task(connection.execute("select pg_sleep(60)"))
    await eventually(lambda: _is_waited_for(connection), within=5, what="a statement under way")
    statement.cancel()
    await asyncio.wait([statement])

    assert statement.cancelled()
    assert connection.info.transaction_status is TransactionStatus.IDLE
    assert await fetch_on(connection, "select 1", {}) == [(1,)]


@pytest.mark.parametrize("is_watched", [True, False])
async def test_a_silent_server_is_given_up_soon_after_a_cancellation(
    database_url: str, readiness: SharedEpoll, *, is_watched: bool
) -> None:
    server = conninfo_to_dict(database_url)
    async with TcpProxy(str(server["host"]), int(str(server["port"]))) as proxy:
        url = make_conninfo(database_url, host="127.0.0.1", port=proxy.port)
        connection = await WaitingConnection.connect(url, autocommit=True)
        connection.readiness = readiness if is_watched else None
        statement = asyncio.create_task(connection.execute("select pg_sleep(60)"))
        await eventually(lambda: _is_waited_for(connection), within=5, what="a statement under way")
        proxy.swallow()
        statement.cancel()
        async with asyncio.timeout(GIVE_UP_SECONDS + 2):
            await asyncio.wait([statement])

    assert statement.cancelled()
    assert connection.closed


async def test_an_idle_connection_that_ends_does_not_keep_waking_the_loop(
    connection: WaitingConnection, readiness: _Counted, database_url: str
) -> None:
    await connection.execute("select 1")
    looks = readiness.looks
    async with await AsyncConnection.connect(database_url, autocommit=True) as admin:
        await admin.execute("select pg_terminate_backend(%s)", (connection.info.backend_pid,))
        # Each sleep lets the loop look for ready sockets.
        for _ in range(100):
            await admin.execute("select 1")
    assert readiness.looks <= looks + 1


async def test_a_statement_that_runs_while_its_pool_closes_is_finished(database: Database) -> None:
    await database.fetch("select 1", {})
    await eventually(lambda: bool(database.stats()["pool_available"]), within=5, what="the connection back")
    statement = asyncio.create_task(database.fetch("select 1 from pg_sleep(0.3)", {}))
    await eventually(lambda: not database.stats()["pool_available"], within=5, what="a statement under way")
    await database.close()
    assert await statement == [(1,)]


async def test_without_a_shared_epoll_psycopg_waits(connection: WaitingConnection) -> None:
    connection.readiness = None
    assert await fetch_on(connection, "select 1", {}) == [(1,)]


async def test_a_waiting_task_is_woken_when_there_is_data(readiness: SharedEpoll, pair: Pair) -> None:
    waiting = asyncio.create_task(readiness.readable(pair[0].fileno()))
    await asyncio.sleep(0)
    assert not waiting.done()
    pair[1].send(b"x")
    async with asyncio.timeout(5):
        await waiting
        # Data that is there already needs no wait.
        await readiness.readable(pair[0].fileno())


async def test_a_waiting_task_is_woken_when_the_peer_closes(readiness: SharedEpoll, pair: Pair) -> None:
    waiting = asyncio.create_task(readiness.readable(pair[0].fileno()))
    pair[1].close()
    async with asyncio.timeout(5):
        await waiting


async def test_a_socket_with_the_number_of_one_that_was_closed_is_watched(readiness: SharedEpoll, pair: Pair) -> None:
    number = pair[0].fileno()
    waiting = asyncio.create_task(readiness.readable(number))
    await asyncio.sleep(0)
    pair[0].close()
    waiting.cancel()
    await asyncio.wait([waiting])
    with ExitStack() as stack:
        # A new socket gets the lowest free number, which may be a different one.
        while stack.enter_context(socket.socket()).fileno() != number:
            pass
        async with asyncio.timeout(5):
            # The socket is not connected, so its end can be read.
            await readiness.readable(number)


async def test_waiting_tasks_are_woken_when_it_is_closed(readiness: SharedEpoll, pair: Pair) -> None:
    waiting = asyncio.create_task(readiness.readable(pair[0].fileno()))
    await asyncio.sleep(0)
    readiness.close()
    readiness.close()
    async with asyncio.timeout(5):
        await waiting
    assert not readiness.is_open


def _is_waited_for(connection: WaitingConnection) -> bool:
    return connection.info.transaction_status is TransactionStatus.ACTIVE
