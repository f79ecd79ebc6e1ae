"""Requests beyond a limit are refused at a real socket; others are served, and so is the same caller afterwards."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from uuid import uuid4

import httpx

from tests.integration.embedded_postgres import EmbeddedPostgres
from tests.integration.faults.client import Client
from tests.integration.faults.cluster import Cluster
from tests.integration.faults.fresh_database import fresh_database
from tests.integration.faults.raw_connection import RawConnection, http_request
from tests.integration.faults.waiting import eventually

# Of a body, the first 16 KiB are not counted.
_HELD = "chatcore_buffered_bytes"
_LEAST_HELD = 180_000
_TITLE = {"title": "x", "padding": "y" * 200_000}


@asynccontextmanager
async def one_replica(server: EmbeddedPostgres, folder: Path, settings: Mapping[str, str]) -> AsyncIterator[Cluster]:
    """Runs a replica with these settings."""
    async with Cluster(await fresh_database(server), folder, size=1, settings=settings) as cluster:
        yield cluster


class HalfSent:
    """Requests of which all but the last byte was sent, so that they are in progress."""

    def __init__(self, cluster: Cluster, stack: AsyncExitStack) -> None:
        self._url = cluster.urls[0]
        self._stack = stack
        self._connections: list[RawConnection] = []

    async def begin(self, user: Client, body: object) -> RawConnection:
        """Sends all but the last byte of a request."""
        return await self._send(http_request(user, "POST", "", body)[:-1])

    async def arrive(self, user: Client, body: object) -> None:
        """Does the same, and waits until the head has arrived: before that, the connection gives way to others."""
        request = http_request(user, "POST", "", body).replace(b"\r\n", b"\r\nExpect: 100-continue\r\n", 1)
        connection = await self._send(request[:-1])
        assert await status(connection) == httpx.codes.CONTINUE

    async def _send(self, request: bytes) -> RawConnection:
        connection = await self._stack.enter_async_context(await RawConnection.open(self._url))
        await connection.send(request)
        self._connections.append(connection)
        return connection

    async def complete(self) -> list[int]:
        """Sends the last bytes; returns the statuses."""
        for connection in self._connections:
            await connection.send(b"}")
        return [await status(connection) for connection in self._connections]


async def status(connection: RawConnection) -> int:
    """Reads the head of a response; returns its status."""
    return int((await connection.until(b"\r\n\r\n")).split(b" ", 2)[1])


async def listing(cluster: Cluster, user: Client) -> httpx.Response:
    """Requests the user's conversations."""
    return await user.call("GET", "", on=cluster.urls[0])


def a_user(cluster: Cluster) -> Client:
    """Returns a user that no test has seen."""
    return cluster.user(uuid4().hex[:8])


async def test_a_user_has_so_many_requests_at_once(crash_server: EmbeddedPostgres, tmp_path: Path) -> None:
    async with (
        one_replica(crash_server, tmp_path, {"MAX_REQUESTS_PER_USER": "3"}) as cluster,
        AsyncExitStack() as stack,
    ):
        user, other = a_user(cluster), a_user(cluster)
        requests = HalfSent(cluster, stack)
        for _ in range(3):
            await requests.begin(user, {"title": "x"})

        async def is_refused() -> bool:
            return (await listing(cluster, user)).status_code == httpx.codes.TOO_MANY_REQUESTS

        await eventually(is_refused, within=5, what="the user's requests are counted")
        refused, served = await listing(cluster, user), await listing(cluster, other)
        completed = await requests.complete()
        later = await listing(cluster, user)

        assert (refused.status_code, "retry-after" in refused.headers, served.status_code) == (429, True, 200)
        assert (completed, later.status_code) == ([201] * 3, 200)


async def test_a_user_has_so_many_requests_in_a_minute(crash_server: EmbeddedPostgres, tmp_path: Path) -> None:
    async with one_replica(crash_server, tmp_path, {"MAX_REQUESTS_PER_MINUTE": "5"}) as cluster:
        user, other = a_user(cluster), a_user(cluster)
        taken = [(await listing(cluster, user)).status_code for _ in range(5)]
        refused, served = await listing(cluster, user), await listing(cluster, other)

        assert taken == [200] * 5
        assert (refused.status_code, served.status_code) == (429, 200)
        assert 0 < int(refused.headers["retry-after"]) <= 60


async def test_bodies_that_do_not_come_whole_take_a_bounded_amount_of_memory(
    crash_server: EmbeddedPostgres, tmp_path: Path
) -> None:
    async with (
        one_replica(crash_server, tmp_path, {"MAX_BUFFERED_BYTES": str(1024 * 1024)}) as cluster,
        AsyncExitStack() as stack,
    ):
        greedy = a_user(cluster)
        requests = HalfSent(cluster, stack)
        (replica,) = cluster.replicas

        async def hold(user: Client) -> None:
            before = await replica.figure(_HELD)

            async def is_held() -> bool:
                return await replica.figure(_HELD) >= before + _LEAST_HELD

            await requests.begin(user, _TITLE)
            await eventually(is_held, within=5, what="the body is counted")

        await hold(greedy)
        # The user has a quarter of the budget.
        beyond_the_users_part = await status(await HalfSent(cluster, stack).begin(greedy, _TITLE))
        for _ in range(4):
            await hold(a_user(cluster))
        beyond_all = await status(await HalfSent(cluster, stack).begin(a_user(cluster), _TITLE))
        small = await listing(cluster, a_user(cluster))
        completed = await requests.complete()
        later = await greedy.call("GET", "", on=cluster.urls[0])

        assert (beyond_the_users_part, beyond_all, small.status_code) == (429, 503, 200)
        assert (completed, later.status_code) == ([201] * 5, 200)


async def test_connections_beyond_the_limit_are_refused_and_probes_answered(
    crash_server: EmbeddedPostgres, tmp_path: Path
) -> None:
    async with (
        one_replica(crash_server, tmp_path, {"MAX_CONNECTIONS": "8"}) as cluster,
        AsyncExitStack() as stack,
    ):
        user = a_user(cluster)
        requests = HalfSent(cluster, stack)
        for _ in range(8):
            await requests.arrive(user, {"title": "x"})

        async def is_refused() -> bool:
            return (await listing(cluster, user)).status_code == httpx.codes.SERVICE_UNAVAILABLE

        await eventually(is_refused, within=5, what="all connections are in use")
        async with httpx.AsyncClient(trust_env=False) as probe:
            health = await probe.get(f"{cluster.urls[0]}/api/health")
        completed = await requests.complete()
        # The connections are idle now, and a new one ends the one that has been idle for the longest time.
        later = await listing(cluster, user)

        assert (health.status_code, completed, later.status_code) == (200, [201] * 8, 200)
