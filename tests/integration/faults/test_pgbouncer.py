"""The service works behind a PgBouncer in transaction mode, which keeps no promise that a session would."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
import pytest_asyncio

from chatcore.testing.samples import a_final_state, a_turn
from chatcore.testing.storage.steps import create, lease_of, messages_of
from chatcore_postgres import PostgresStorage
from tests.integration.embedded_postgres import EmbeddedPostgres
from tests.integration.faults.client import Client
from tests.integration.faults.cluster import Cluster
from tests.integration.faults.fresh_database import fresh_database
from tests.integration.faults.patience import read_to_the_end
from tests.integration.faults.pgbouncer import POOL_SIZE, PgBouncer
from tests.integration.faults.tab import Tab
from tests.integration.faults.waiting import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.pgbouncer]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pgbouncer(crash_server: EmbeddedPostgres) -> AsyncIterator[PgBouncer]:
    async with PgBouncer(await fresh_database(crash_server)) as pgbouncer:
        yield pgbouncer


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cluster(pgbouncer: PgBouncer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    async with Cluster(
        pgbouncer.database_url,
        tmp_path_factory.mktemp("pgbouncer"),
        service_database_url=pgbouncer.url,
        settings={"DATABASE_PREPARED_STATEMENTS": "false"},
        is_clean=False,
        pooled_connections=POOL_SIZE,
    ) as cluster:
        yield cluster


@pytest.fixture
def user(cluster: Cluster) -> Client:
    return cluster.user(uuid4().hex[:8])


async def converse(cluster: Cluster, user: Client) -> None:
    """Everything a user can do, on both replicas."""
    here, there = cluster.urls
    conversation = await user.create(on=here)
    prompt, key = user.prompt(), uuid4().hex
    speech = cluster.model.will_say(prompt, 30, every=0.01)
    reply = await user.send_async(conversation, prompt, on=here, key=key)
    assert await user.send_async(conversation, prompt, on=there, key=key) == reply
    followers = await asyncio.gather(*(read_to_the_end(user.follow(conversation, reply), [on]) for on in cluster.urls))
    assert {follower.text for follower in followers} == {speech.text}
    regenerated = await user.regenerate(conversation, on=there)
    await regenerated.read(at_least=1)
    assert (await user.stop(conversation, regenerated.reply_id, on=here)).json()["status"] == "stopped"
    assert (await user.call("GET", "?limit=5", on=there)).status_code == 200
    assert (await user.call("PUT", f"/{conversation}", on=here, body={"title": "Pooled"})).status_code == 200


async def test_twenty_conversations_at_once_share_eight_connections(cluster: Cluster) -> None:
    users = [cluster.user(uuid4().hex[:8]) for _ in range(20)]
    await asyncio.gather(*(converse(cluster, user) for user in users))
    await cluster.check()


async def test_a_dead_replica_s_reply_is_recovered_through_it(cluster: Cluster, user: Client) -> None:
    conversation = await user.create(on=cluster.urls[1])
    prompt = user.prompt()
    cluster.model.will_say(prompt, 20, hold=10)
    answer = await user.send(conversation, prompt, on=cluster.urls[0])
    await cluster.model.holding(prompt)
    follower = user.follow(conversation, answer.reply_id)
    await follower.connect(on=cluster.urls[1], at_least=1)
    cluster.replicas[0].kill()
    await cluster.let_leases_run_out()
    await answer.read()
    await read_to_the_end(follower, cluster.urls[1:])
    await cluster.revive()
    await cluster.check()


async def test_feeds_keep_in_step_through_it(cluster: Cluster, user: Client) -> None:
    opened = [Tab(user, cluster.urls), Tab(user, cluster.urls[::-1])]
    async with opened[0], opened[1]:
        conversations = [await user.create(on=on) for on in cluster.urls]
        assert await user.delete(conversations[0], on=cluster.urls[1]) == 204
        await eventually(
            lambda: [list(tab.shown) for tab in opened] == [conversations[1:]] * 2, within=15, what="both tabs in step"
        )
    await cluster.check()


async def test_the_tables_may_be_in_another_schema(crash_server: EmbeddedPostgres) -> None:
    async with PgBouncer(await fresh_database(crash_server, schema="chat")) as pgbouncer:
        storage = PostgresStorage(pgbouncer.url, schema="chat", prepared_statements=False)
        async with storage:
            await storage.ping()
            conversation = await create(storage)
            lease = lease_of(await storage.begin_turn(a_turn(conversation)))
            assert await storage.finish(lease, a_final_state())
            opened = await messages_of(storage, conversation)
    assert len(opened) == 2


async def test_replies_live_through_the_death_of_pgbouncer(
    cluster: Cluster, pgbouncer: PgBouncer, user: Client
) -> None:
    conversation = await user.create(on=cluster.urls[0])
    prompt = user.prompt()
    speech = cluster.model.will_say(prompt, 150, every=0.02)
    reply = await user.send_async(conversation, prompt, on=cluster.urls[0])
    saying = await cluster.model.asked(prompt)
    await eventually(lambda: len(saying.said_at) > 20, within=5, what="a reply well under way")
    pgbouncer.kill()
    refused = await user.call("POST", "", on=cluster.urls[0])
    await pgbouncer.start()

    assert refused.status_code == 503
    follower = await read_to_the_end(user.follow(conversation, reply), cluster.urls)
    assert follower.text == speech.text
    await cluster.check()
