"""Two tabs and a phone show the same, on three replicas, whatever dies meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import psycopg
import pytest
import pytest_asyncio

from tests.integration.embedded_postgres import EmbeddedPostgres
from tests.integration.faults.client import Client
from tests.integration.faults.cluster import Cluster
from tests.integration.faults.fresh_database import fresh_database
from tests.integration.faults.tab import Tab
from tests.integration.faults.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

_PATIENCE_SECONDS = 15.0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cluster(crash_server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    url = await fresh_database(crash_server)
    async with Cluster(url, tmp_path_factory.mktemp("feeds"), size=3, is_clean=False) as cluster:
        yield cluster


@pytest.fixture
def user(cluster: Cluster) -> Client:
    return cluster.user(uuid4().hex[:8])


def tabs(cluster: Cluster, user: Client) -> list[Tab]:
    """Returns a tab that begins on each replica."""
    urls = cluster.urls
    return [Tab(user, urls[start:] + urls[:start]) for start in range(len(urls))]


async def shown_by(user: Client, url: str) -> dict[str, Any]:
    """Returns the user's conversations as they are stored."""
    response = await user.call("GET", "?limit=200", on=url)
    return {item["id"]: item for item in response.json()["items"]} if response.status_code == 200 else {}


async def in_step(opened: list[Tab], user: Client, url: str) -> None:
    """Returns when all tabs show what is stored, with all fields."""

    async def is_shown() -> bool:
        stored = await shown_by(user, url)
        return bool(stored) and all(tab.shown == stored for tab in opened)

    await eventually(is_shown, within=_PATIENCE_SECONDS, what="all tabs in step")


async def test_three_tabs_show_the_same_while_a_user_works(cluster: Cluster, user: Client) -> None:
    urls = cluster.urls
    first, second, third = tabs(cluster, user)
    kept = await user.create(on=urls[0])
    async with first, second, third:
        opened = [first, second, third]
        gone = await user.create(on=urls[0])
        await in_step(opened, user, urls[1])
        prompt = user.prompt()
        cluster.model.will_say(prompt, 10, hold=3)
        reply = await user.send_async(kept, prompt, on=urls[1])
        await eventually(
            lambda: [tab.shown[kept]["active_reply_id"] for tab in opened] == [reply] * 3,
            within=_PATIENCE_SECONDS,
            what="the reply in every tab",
        )
        cluster.model.release_all()
        await user.call("PATCH", f"/{kept}", on=urls[2], body={"is_pinned": True, "instructions": "Be brief."})
        assert await user.delete(gone, on=urls[2]) == 204
        await eventually(
            lambda: [tab.shown[kept]["active_reply_id"] for tab in opened] == [None] * 3,
            within=_PATIENCE_SECONDS,
            what="the end of the reply in every tab",
        )
        await in_step(opened, user, urls[0])

    assert all(gone not in tab.shown for tab in opened)
    assert [tab.resets for tab in opened] == [0, 0, 0]
    await cluster.check()


async def test_no_change_is_missed_when_the_replica_of_a_tab_is_killed(cluster: Cluster, user: Client) -> None:
    opened = tabs(cluster, user)
    async with opened[0], opened[1], opened[2]:
        conversations = [await user.create(on=cluster.urls[1]) for _ in range(3)]
        cluster.replicas[0].kill()
        assert await user.delete(conversations[0], on=cluster.urls[1]) == 204
        for number in range(10):
            await user.call("PATCH", f"/{conversations[1]}", on=cluster.urls[2], body={"title": f"Title {number}"})
        await in_step(opened, user, cluster.urls[1])
        assert opened[0].streams > 1
        await cluster.revive()
        await user.create(on=cluster.urls[0])
        await in_step(opened, user, cluster.urls[2])

    assert [tab.resets for tab in opened] == [0, 0, 0]
    await cluster.check()


async def test_no_change_is_missed_when_the_database_is_restarted(
    cluster: Cluster, crash_server: EmbeddedPostgres, user: Client
) -> None:
    opened = tabs(cluster, user)
    async with opened[0], opened[1], opened[2]:
        conversation = await user.create(on=cluster.urls[0])
        await in_step(opened, user, cluster.urls[0])

        async def rename() -> None:
            deadline = time.monotonic() + 3
            while time.monotonic() < deadline:
                await user.call("PATCH", f"/{conversation}", on=cluster.urls[0], body={"title": uuid4().hex})

        renaming = asyncio.create_task(rename())
        await asyncio.to_thread(crash_server.stop, "immediate")
        await asyncio.to_thread(crash_server.start)
        await renaming
        await asyncio.gather(*(replica.serves_again() for replica in cluster.replicas))
        await user.create(on=cluster.urls[1])
        await in_step(opened, user, cluster.urls[0])

    # The streams outlive the database.
    assert [tab.streams for tab in opened] == [1, 1, 1]
    await cluster.check()


async def test_a_change_that_is_committed_late_is_not_missed(cluster: Cluster, user: Client) -> None:
    opened = tabs(cluster, user)
    async with opened[0], opened[1], opened[2]:
        late, early = await user.create(on=cluster.urls[0]), await user.create(on=cluster.urls[0])
        await in_step(opened, user, cluster.urls[0])
        async with await psycopg.AsyncConnection.connect(cluster.database_url) as connection:
            await connection.execute(
                "update conversations set title = 'late', changed_xid = pg_current_xact_id()::text::bigint"
                " where id = %s",
                (late,),
            )
            await user.call("PATCH", f"/{early}", on=cluster.urls[1], body={"title": "early"})
            await eventually(
                lambda: all(tab.shown[early]["title"] == "early" for tab in opened),
                within=_PATIENCE_SECONDS,
                what="the early change in every tab",
            )
            # One of the tabs comes back with a place that is beyond the late change.
            cluster.replicas[2].kill()
            await eventually(lambda: opened[2].streams > 1, within=_PATIENCE_SECONDS, what="a new stream")
            await connection.commit()
        await in_step(opened, user, cluster.urls[0])
        assert all(tab.shown[late]["title"] == "late" for tab in opened)
    await cluster.revive()
    await cluster.check()
