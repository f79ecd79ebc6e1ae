"""A process that can open no more files: it lives, its replies are made and stored, and it serves again afterwards.

The number is that of the catalogue of faults, part P.
"""

import asyncio
import resource
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from uuid import uuid4

import httpx

from tests.integration.embedded_postgres import EmbeddedPostgres
from tests.integration.faults.beginning import begin, finished
from tests.integration.faults.client import Client
from tests.integration.faults.cluster import Cluster
from tests.integration.faults.fresh_database import fresh_database
from tests.integration.faults.patience import read_to_the_end
from tests.integration.faults.raw_connection import RawConnection
from tests.integration.faults.replica import Replica
from tests.integration.faults.waiting import eventually

# More than there is room for, and some that wait in the kernel.
INTRUDERS = 40


@contextmanager
def at_most_files(replica: Replica, count: int) -> Iterator[int]:
    """Lets a replica open so many files beside those that it has; how many that is together."""
    limits = resource.prlimit(replica.pid, resource.RLIMIT_NOFILE)
    most = replica.open_files() + count
    resource.prlimit(replica.pid, resource.RLIMIT_NOFILE, (most, limits[1]))
    yield most
    resource.prlimit(replica.pid, resource.RLIMIT_NOFILE, limits)


async def is_served(user: Client, on: str) -> bool:
    try:
        return (await user.call("GET", "", on=on)).status_code == 200
    except httpx.TransportError:
        return False


async def test_a_process_without_files_makes_its_replies_and_serves_again(
    crash_server: EmbeddedPostgres, tmp_path: Path
) -> None:
    async with Cluster(await fresh_database(crash_server), tmp_path, size=1, is_clean=False) as cluster:
        (replica,) = cluster.replicas
        user = cluster.user(uuid4().hex[:8])
        conversation, reply, saying = await begin(cluster, user, count=40, hold=10)
        reader = user.follow(conversation, reply)
        reading = asyncio.create_task(read_to_the_end(reader, cluster.urls))
        await eventually(lambda: reader.text, within=10, what="the reader attached")

        with at_most_files(replica, 5) as most:
            async with AsyncExitStack() as intruders:
                for _ in range(INTRUDERS):
                    await intruders.enter_async_context(await RawConnection.open(replica.base_url))
                await eventually(lambda: replica.open_files() >= most - 1, within=5, what="no file left")
                was_served = await is_served(user, replica.base_url)
                # What is open goes on: to the model, to the reader, and to the database, where the end is stored
                # before the reader is told of it.
                saying.release()
                await asyncio.wait_for(reading, 10)
            await eventually(lambda: is_served(user, replica.base_url), within=15, what="it serves again")
            await finished(cluster, user)

        assert replica.is_alive
        assert not was_served
        assert reader.statuses == [200]
        assert reader.text == saying.speech.text
        await cluster.check()
