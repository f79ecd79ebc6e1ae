"""Everything that is acknowledged is found, whoever indexes it, and whichever of them dies."""

from collections.abc import AsyncIterator

import psycopg
import pytest
import pytest_asyncio
from attrs import evolve

from tests.integration.embedded_postgres import EmbeddedPostgres
from tests.integration.faults.client import Client
from tests.integration.faults.cluster import Cluster
from tests.integration.faults.fresh_database import fresh_database
from tests.integration.faults.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

KILLED, LEFT = range(2)
#: More than one process claims at once.
MANY = 300


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cluster(crash_server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    folder = tmp_path_factory.mktemp("search")
    async with Cluster(await fresh_database(crash_server), folder) as cluster:
        yield cluster


async def found(user: Client, query: str, *, on: str) -> list[str]:
    """Returns the snippets of everything that a query finds, page after page."""
    searcher = evolve(user, root="/api/search")
    snippets: list[str] = []
    cursor = ""
    while True:
        response = await searcher.call("GET", f"?q={query}&limit=100{cursor}", on=on)
        page = response.json()
        snippets += [item["snippet"] for item in page["items"]]
        if page["next_cursor"] is None:
            return snippets
        cursor = f"&cursor={page['next_cursor']}"


async def store_titles(cluster: Cluster, user_id: str, word: str) -> None:
    """Stores conversations that wait for being indexed, half of them claimed by a process that is gone."""
    async with await psycopg.AsyncConnection.connect(cluster.database_url, autocommit=True) as connection:
        await connection.execute(
            "insert into conversations (user_id, id, title, title_source, model_tag, created_at, updated_at) "
            "select %(user)s, gen_random_uuid(), %(word)s || ' ' || n, 'user', 'default', now(), now() "
            "from generate_series(1, %(many)s) as n",
            {"user": user_id, "word": word, "many": MANY},
        )
        await connection.execute(
            "insert into search_queue (user_id, conversation_id, claimed_until) "
            "select user_id, id, now() + case when right(title, 1) < '5' then interval '3 s' else '-1 s' end "
            "from conversations where user_id = %(user)s and title like %(word)s || ' %%'",
            {"user": user_id, "word": word},
        )


async def test_a_message_is_found_on_every_replica_within_two_seconds(cluster: Cluster) -> None:
    user, here = cluster.user("search"), cluster.urls[KILLED]
    conversation = await user.create(on=here)
    await (await user.send(conversation, "Do walruses sing?", on=here)).read()

    async def is_found() -> bool:
        return [len(await found(user, "walrus", on=url)) for url in cluster.urls] == [1, 1]

    await eventually(is_found, within=5, what="the message")
    assert await found(cluster.user("stranger"), "walrus", on=here) == []


async def test_what_a_dead_process_had_claimed_is_indexed_by_another(cluster: Cluster) -> None:
    user = cluster.user("many")
    await store_titles(cluster, user.user_id, "narwhal")
    cluster.replicas[KILLED].kill()

    async def are_all_found() -> bool:
        return len(await found(user, "narwhal", on=cluster.urls[LEFT])) == MANY

    await eventually(are_all_found, within=30, what="all titles")
    await cluster.replicas[KILLED].restart()
