"""A user's open streams are bounded over all replicas and workers, and a replica that was killed holds none of them."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx
import psycopg
import pytest
import pytest_asyncio

from chatcore.ports import COUNT_SECONDS
from tests.integration.embedded_postgres import EmbeddedPostgres
from tests.integration.faults.beginning import begin
from tests.integration.faults.client import Client
from tests.integration.faults.cluster import Cluster
from tests.integration.faults.fresh_database import fresh_database
from tests.integration.faults.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

LIMIT = 20
_COUNTED = "select coalesce(sum(streams), 0) from open_streams where user_id = %s and valid_until > now()"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cluster(crash_server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    settings = {"MAX_STREAMS_PER_USER": str(LIMIT), "DRAIN_SECONDS": "0.5"}
    folder = tmp_path_factory.mktemp("stream-limits")
    arguments = ("--workers", "2")
    async with Cluster(await fresh_database(crash_server), folder, settings=settings, arguments=arguments) as cluster:
        yield cluster


class Streams:
    """The streams of one user's reply, open until told otherwise."""

    def __init__(self, cluster: Cluster, user: Client, path: tuple[str, str], stack: AsyncExitStack) -> None:
        self._cluster = cluster
        self._user = user
        self._path = path
        self._stack = stack
        self.responses: list[httpx.Response] = []

    async def open(self, *, on: int) -> httpx.Response:
        """Opens one more stream; returns the stream or the refusal."""
        conversation, reply = self._path
        request = self._user.follow(conversation, reply).reading
        response = await self._user.open_stream(request, on=self._cluster.urls[on], headers={})
        self._stack.push_async_callback(response.aclose)
        if response.status_code == 200:
            self.responses.append(response)
        else:
            await response.aread()
        return response

    async def fill_up(self, *, on: int) -> int:
        """As many as are granted, but not more than the limit allows; how many are open in all."""
        while len(self.responses) < LIMIT and (await self.open(on=on)).status_code == 200:
            pass
        return len(self.responses)

    async def counted(self) -> int:
        """Returns the number of open streams that all processes have published."""
        async with await psycopg.AsyncConnection.connect(self._cluster.database_url) as connection:
            row = await (await connection.execute(_COUNTED, [self._user.user_id])).fetchone()
            assert row is not None
            streams: int = row[0]
            return streams


async def test_the_limit_holds_over_workers_and_replicas_and_one_that_is_gone_holds_nothing(cluster: Cluster) -> None:
    user = cluster.user("reader")
    # The first replica makes the reply; the second one is struck.
    conversation, reply, _ = await begin(cluster, user, count=5, hold=2)
    async with AsyncExitStack() as stack:
        streams = Streams(cluster, user, (conversation, reply), stack)
        assert await streams.fill_up(on=1) == LIMIT
        refused = [await streams.open(on=number) for number in (0, 1, 0)]
        assert [response.status_code for response in refused] == [429] * 3
        assert all(int(response.headers["retry-after"]) > 0 for response in refused)
        assert refused[0].json()["code"] == "too_many_streams"

        await streams.responses.pop().aclose()
        assert (await streams.open(on=0)).status_code == 200
        assert (await streams.open(on=0)).status_code == 429

        cluster.replicas[1].kill()
        streams.responses = streams.responses[-1:]
        assert (await streams.open(on=0)).status_code == 429

        async def all_are_let_in() -> bool:
            return await streams.fill_up(on=0) == LIMIT

        await eventually(all_are_let_in, within=COUNT_SECONDS + 2, what="the killed replica's streams are not counted")
        assert (await streams.open(on=0)).status_code == 429
        # What is refused is a stream, and nothing else.
        assert (await user.call("GET", f"/{conversation}", on=cluster.urls[0])).status_code == 200

        await cluster.replicas[0].stop()
        assert await streams.counted() == 0
