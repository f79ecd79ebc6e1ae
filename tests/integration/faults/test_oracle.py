"""An oracle that finds nothing wrong is worth what it would find."""

from collections.abc import AsyncIterator

import psycopg
import pytest
import pytest_asyncio

from tests.integration.embedded_postgres import EmbeddedPostgres
from tests.integration.faults.beginning import finished
from tests.integration.faults.client import Client
from tests.integration.faults.cluster import Cluster
from tests.integration.faults.fresh_database import fresh_database
from tests.integration.faults.reply_log import Log

pytestmark = pytest.mark.asyncio(loop_scope="module")

# What a service could do wrong, and how it is put right again.
WRONGS = {
    "O1: an acknowledged message is lost": (
        "update messages set role = 'system' where role = 'user'",
        "update messages set role = 'user' where role = 'system'",
    ),
    "O1: a message is there twice": (
        (
            "insert into messages (user_id, id, conversation_id, position, role, content, status, created_at)"
            " select user_id, gen_random_uuid(), conversation_id, 99, role, content, status, created_at"
            " from messages where role = 'user'"
        ),
        "delete from messages where position = 99",
    ),
    "O3: a reply lost its last character": (
        "update messages set content = left(content, -1), model_tag = right(content, 1) where role = 'assistant'",
        "update messages set content = content || model_tag where role = 'assistant'",
    ),
    "O3: a reply is another conversation's": (
        "update messages set content = 'y' || substr(content, 2) where role = 'assistant'",
        "update messages set content = 'c' || substr(content, 2) where role = 'assistant'",
    ),
    "O3: a complete reply is shown as interrupted": (
        "update messages set status = 'interrupted' where role = 'assistant'",
        "update messages set status = 'complete' where role = 'assistant'",
    ),
    "O3: a complete reply has a token too many": (
        "update messages set token_count = token_count + 1 where role = 'assistant'",
        "update messages set token_count = token_count - 1 where role = 'assistant'",
    ),
    "O3: a reader keeps what a later generation replaced": (
        "update messages set cuts[1] = cuts[1] + 1 where cuts is not null",
        "update messages set cuts[1] = cuts[1] - 1 where cuts is not null",
    ),
    "O5: a reply has no end": (
        "update messages set status = 'streaming' where role = 'assistant'",
        "update messages set status = 'complete' where role = 'assistant'",
    ),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cluster(crash_server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    async with Cluster(await fresh_database(crash_server), tmp_path_factory.mktemp("oracle"), size=1) as cluster:
        user = cluster.user("somebody")
        conversation = await user.create(on=cluster.urls[0])
        await (await user.send(conversation, user.prompt(), on=cluster.urls[0])).read()
        await take_over(cluster, user)
        yield cluster


async def take_over(cluster: Cluster, user: Client) -> None:
    """Makes a reply look as if a second generation had gone on after six code points, with a reader of the first."""
    conversation, reply, text = await finished(cluster, user)
    await execute(cluster, f"update messages set cuts = '{{6}}' where id = '{reply}'")  # noqa: S608 - an id
    for reading in cluster.ledger.readings:
        reading.generation += reading.reply_id == reply
    user.follow(conversation, reply).reading.log = Log.of([text[:6] + "lost"])


@pytest.mark.parametrize("wrong", WRONGS)
async def test_the_oracle_notices(cluster: Cluster, wrong: str) -> None:
    await cluster.check()
    break_it, mend_it = WRONGS[wrong]
    await execute(cluster, break_it)
    with pytest.raises(AssertionError, match=r"O\d"):
        await cluster.check(within=0.5)
    await execute(cluster, mend_it)
    await cluster.check()


async def test_the_oracle_notices_text_in_a_log(cluster: Cluster) -> None:
    log = cluster.replicas[0].log
    before = log.read_bytes()
    with log.open("ab") as file:
        file.write(b"canary")
    with pytest.raises(AssertionError, match="O8"):
        await cluster.check()
    log.write_bytes(before)


async def execute(cluster: Cluster, statement: str) -> None:
    async with await psycopg.AsyncConnection.connect(cluster.database_url, autocommit=True) as connection:
        await connection.execute(statement.encode())
