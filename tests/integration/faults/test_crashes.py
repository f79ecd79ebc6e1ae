"""Whoever dies, and however often, every reply is brought to its end once, with the text that was stored.

The numbers are those of the catalogue of faults, part P. That leases take their time is shown where replicas are lost;
here the database is told that the time has passed.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from functools import partial

import psycopg
import pytest
import pytest_asyncio

from tests.integration.embedded_postgres import EmbeddedPostgres
from tests.integration.faults.client import Client
from tests.integration.faults.cluster import Cluster
from tests.integration.faults.fresh_database import fresh_database
from tests.integration.faults.orphans import orphan
from tests.integration.faults.patience import read_to_the_end
from tests.integration.faults.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cluster(crash_server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    folder = tmp_path_factory.mktemp("crashes")
    async with Cluster(await fresh_database(crash_server), folder) as cluster:
        yield cluster


async def begin(cluster: Cluster, user: Client, number: int) -> list[str]:
    """Has the replicas make so many replies, some text of each stored; their ids."""

    async def begin_one(on: str) -> str:
        conversation = await user.create(on=on)
        prompt = user.prompt()
        cluster.model.will_say(prompt, 10, hold=5)
        return await user.send_async(conversation, prompt, on=on)

    replies = await asyncio.gather(*(begin_one(cluster.urls[n % 2]) for n in range(number)))
    enough = f"select count(distinct message_id) >= {number} from deltas"  # noqa: S608 - a number
    await eventually(lambda: ask(cluster, enough), within=20, what="some text of every reply stored")
    return list(replies)


async def ask(cluster: Cluster, query: str) -> object:
    """Returns the one value that a query finds."""
    async with await psycopg.AsyncConnection.connect(cluster.database_url, autocommit=True) as connection:
        row = await (await connection.execute(query.encode())).fetchone()
        return row and row[0]


async def count_orphans(cluster: Cluster) -> int:
    """Returns the number of replies without a final state."""
    return int(str(await ask(cluster, "select count(*) from generations")))


async def are_fewer_than(cluster: Cluster, number: int) -> bool:
    """Returns whether somebody has begun to recover orphaned replies."""
    return await count_orphans(cluster) < number


async def statuses(cluster: Cluster, replies: list[str]) -> Counter[str]:
    """Returns the number of replies for each status."""
    async with await psycopg.AsyncConnection.connect(cluster.database_url) as connection:
        cursor = await connection.execute("select status from messages where id = any(%s::uuid[])", (replies,))
        return Counter(status for (status,) in await cursor.fetchall())


async def test_replies_survive_the_death_of_all_replicas_at_once(cluster: Cluster) -> None:
    user = cluster.user("p2")
    replies = await begin(cluster, user, 20)
    for replica in cluster.replicas:
        replica.kill()
    await cluster.let_leases_run_out()
    await asyncio.gather(*(replica.restart() for replica in cluster.replicas))
    await cluster.check(within=15)

    assert await statuses(cluster, replies) == {"interrupted": 20}
    conversations = {sent.reply_id: sent.conversation_id for sent in cluster.ledger.sent}
    for reply in replies:
        follower = await read_to_the_end(user.follow(conversations[reply], reply), cluster.urls)
        assert follower.text
    await cluster.check()


async def test_two_replicas_that_recover_at_once_end_each_of_500_replies_once(cluster: Cluster) -> None:
    for replica in cluster.replicas:
        replica.kill()
    replies = await orphan(cluster, cluster.user("p12"), 500)
    await asyncio.gather(*(replica.restart() for replica in cluster.replicas))
    await cluster.check()

    recovered = [await replica.figure("chatcore_rescued_generations_total") for replica in cluster.replicas]
    assert sum(recovered) == 500
    assert await statuses(cluster, replies) == {"interrupted": 500}


async def test_a_recovery_that_is_killed_again_and_again_converges(cluster: Cluster) -> None:
    for replica in cluster.replicas:
        replica.kill()
    replies = await orphan(cluster, cluster.user("p10"), 500)
    left = len(replies)
    recovery = cluster.replicas[0]
    for _ in range(5):
        await cluster.let_leases_run_out()
        recovery.start()
        await eventually(partial(are_fewer_than, cluster, left), within=20, what="a recovery")
        recovery.kill()
        left = await count_orphans(cluster)
        assert left, "it was not killed half-way"
    await cluster.let_leases_run_out()
    await asyncio.gather(*(replica.restart() for replica in cluster.replicas))
    await cluster.check()

    assert await statuses(cluster, replies) == {"interrupted": 500}
