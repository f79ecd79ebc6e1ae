"""A database that is away, cut off or silent: callers are told in time, and replies in the making wait.

The numbers are those of the catalogue of faults, part D.
"""

import asyncio
from random import Random

import psycopg
import pytest

from tests.integration.embedded_postgres import EmbeddedPostgres
from tests.integration.faults.client import Client
from tests.integration.faults.cluster import Cluster
from tests.integration.faults.database.replies import begin, expect_complete
from tests.integration.faults.postgres_proxy import PostgresProxy
from tests.integration.faults.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def administer(cluster: Cluster, statement: str) -> None:
    """Does something to the database, past the proxy."""
    async with await psycopg.AsyncConnection.connect(cluster.database_url, autocommit=True) as connection:
        await connection.execute(statement.encode())


async def test_replies_live_through_immediate_restarts_of_the_database(
    cluster: Cluster, crash_server: EmbeddedPostgres, user: Client
) -> None:
    random = Random(3)
    sayings = [await begin(cluster, user, count=400, every=0.02) for _ in range(5)]
    for _ in range(2):
        # The moment is part of the fault.
        await asyncio.sleep(random.uniform(0.5, 1.5))
        await asyncio.to_thread(crash_server.stop, "immediate")
        # The caller is told while there is no database.
        refused = await user.call("POST", "", on=cluster.urls[0])
        assert refused.status_code == 503
        await eventually(lambda: readiness_is(cluster, 503), within=5, what="the end of readiness")
        await asyncio.to_thread(crash_server.start)
        await eventually(lambda: readiness_is(cluster, 200), within=5, what="readiness, 5 s after the database is back")

    for saying in sayings:
        await expect_complete(cluster, user, saying)
    await cluster.check()


async def readiness_is(cluster: Cluster, status: int) -> bool:
    return all([await replica.readiness() == status for replica in cluster.replicas])


async def test_no_caller_notices_that_all_idle_connections_were_ended(cluster: Cluster, user: Client) -> None:
    for _ in range(3):
        await administer(
            cluster,
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()",
        )
        answers = await asyncio.gather(*(user.call("POST", "", on=on) for on in cluster.urls * 10))
        assert {answer.status_code for answer in answers} == {201}
    await cluster.check()


async def test_a_silent_database_is_told_in_time_and_survived_by_replies_in_the_making(
    cluster: Cluster, proxy: PostgresProxy, user: Client
) -> None:
    """The network acknowledges every packet, and the server answers nothing."""
    saying = await begin(cluster, user, count=100, every=0.02)
    proxy.swallow()
    # The caller, who waits for eight seconds, is told while the database is silent.
    refused = await user.call("POST", "", on=cluster.urls[0])
    assert refused.status_code == 503
    proxy.heal()

    await expect_complete(cluster, user, saying)
    await cluster.check()
