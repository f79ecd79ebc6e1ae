"""Whatever the database does, what was acknowledged is there once, and replies in the making come to their proper end.

Two replicas look at it through a proxy that loses and forges answers; the numbers are those of the catalogue of
faults, part D.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from random import Random
from uuid import uuid4

import psycopg
import pytest
import pytest_asyncio

from tests.integration.embedded_postgres import EmbeddedPostgres
from tests.integration.faults.client import Client
from tests.integration.faults.cluster import Cluster
from tests.integration.faults.fresh_database import fresh_database
from tests.integration.faults.model import Saying
from tests.integration.faults.orphans import orphan
from tests.integration.faults.patience import read_to_the_end
from tests.integration.faults.postgres_proxy import Loss, PostgresProxy
from tests.integration.faults.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

BEGIN_TURN = "insert into idempotency_keys"
CHECKPOINT = "insert into deltas"
FINISH = "delete from generations"
#: What only each of the writing statements of a life contains.
WRITES = {
    "create": "insert into conversations",
    "begin a turn": BEGIN_TURN,
    "begin a regeneration": "join path as answered",
    "checkpoint": CHECKPOINT,
    "finish": FINISH,
    "stop": "set stop_requested = true",
    "rename": "title_source = 'user'",
    "delete": "delete from conversations",
}
RESCUE = ("set owner_id =", "for update", "string_agg(text", FINISH, "COMMIT")

#: How long the service lets a statement take.
STATEMENT_SECONDS = 5.0

SOON_SENT_AGAIN = ("40001", "40P01", "55P03", "57P01", "57P02", "57P03", "08000", "08006")
NOT_SENT_AGAIN = ("57014", "25006", "53100", "53200", "53300", "25P03", "58030")
MISTAKES_OF_OURS = ("22012", "42P08", "XX000")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def proxy(crash_server: EmbeddedPostgres) -> AsyncIterator[PostgresProxy]:
    async with PostgresProxy("127.0.0.1", crash_server.port) as proxy:
        yield proxy


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cluster(
    crash_server: EmbeddedPostgres, proxy: PostgresProxy, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Cluster]:
    database_url = await fresh_database(crash_server)
    folder = tmp_path_factory.mktemp("database-faults")
    async with Cluster(database_url, folder, service_database_url=proxy.url(database_url), is_clean=False) as cluster:
        yield cluster


@pytest.fixture(autouse=True)
def _heal(proxy: PostgresProxy) -> Iterator[None]:
    yield
    proxy.heal()


@pytest.fixture
def user(cluster: Cluster) -> Client:
    return cluster.user(uuid4().hex[:8])


async def begin(cluster: Cluster, user: Client, *, count: int, every: float = 0.0, hold: int | None = None) -> Saying:
    """A reply that the first replica is making."""
    conversation = await user.create(on=cluster.urls[0])
    prompt = user.prompt()
    cluster.model.will_say(prompt, count, every=every, hold=hold)
    await user.send_async(conversation, prompt, on=cluster.urls[0])
    return await cluster.model.asked(prompt)


async def expect_complete(cluster: Cluster, user: Client, saying: Saying) -> None:
    """The reply is all there, for a reader on the other replica too."""
    sent = next(sent for sent in cluster.ledger.sent if sent.content == saying.prompt)
    assert sent.reply_id is not None
    follower = await read_to_the_end(user.follow(sent.conversation_id, sent.reply_id), cluster.urls[::-1])
    assert (follower.text, follower.reading.error) == (saying.speech.text, None)


async def administer(cluster: Cluster, statement: str) -> None:
    """Does something to the database, past the proxy."""
    async with await psycopg.AsyncConnection.connect(cluster.database_url, autocommit=True) as connection:
        await connection.execute(statement.encode())


async def live_a_life(cluster: Cluster, user: Client) -> list[int]:
    """Everything a user can do, on both replicas; the statuses that came back."""
    here, there = cluster.urls
    conversation, other = await user.create(on=here), await user.create(on=there)
    prompt = user.prompt()
    cluster.model.will_say(prompt, 8, hold=4)
    sent = await user.send(conversation, prompt, on=here, key=uuid4().hex)
    (await cluster.model.holding(prompt)).release()
    await sent.read()
    regenerated = await user.regenerate(conversation, on=there)
    await regenerated.read(at_least=1)
    stopped = await user.stop(conversation, regenerated.reply_id, on=here)
    renamed = await user.call("PUT", f"/{conversation}", on=there, body={"title": "A life"})
    deleted = await user.delete(other, on=here)
    return [sent.status, regenerated.status, stopped.status_code, renamed.status_code, deleted]


@pytest.mark.parametrize("loss", Loss)
@pytest.mark.parametrize("write", WRITES)
async def test_a_lost_request_or_answer_of_any_write_goes_unnoticed(
    cluster: Cluster, proxy: PostgresProxy, user: Client, write: str, loss: Loss
) -> None:
    """D1, D2: the connection breaks before the statement arrives, or after it took effect."""
    rule = proxy.on(WRITES[write], loss)
    *statuses, deleted = await live_a_life(cluster, user)

    assert rule.hits == 1
    assert statuses == [200, 200, 200, 200]
    # Whoever deletes again, not knowing that it is done, finds nothing.
    assert deleted in ({204, 404} if (write, loss) == ("delete", Loss.REPLY) else {204})
    await cluster.check()


async def test_a_send_that_is_told_of_a_failure_again_and_again_is_one_message_at_its_next_try(
    cluster: Cluster, proxy: PostgresProxy, user: Client
) -> None:
    """D1: every answer to the statement is lost, then a client comes back with its key."""
    conversation = await user.create(on=cluster.urls[0])
    for loss in Loss:
        prompt, key = user.prompt(loss.name), uuid4().hex
        proxy.on(BEGIN_TURN, loss, times=100)
        failed = await user.send(conversation, prompt, on=cluster.urls[0], key=key)
        proxy.heal()
        assert failed.status == 503
        reply = await user.send_async(conversation, prompt, on=cluster.urls[1], key=key)
        # One that was begun and whose process does not know of it is an orphan, and ends like one.
        await cluster.let_leases_run_out()
        follower = await read_to_the_end(user.follow(conversation, reply), cluster.urls)
        assert follower.reading.is_done
        assert await user.send_async(conversation, prompt, on=cluster.urls[0], key=key) == reply
    await cluster.check()


@pytest.mark.parametrize("loss", Loss)
async def test_a_rescue_converges_whichever_of_its_statements_is_lost(
    cluster: Cluster, proxy: PostgresProxy, user: Client, loss: Loss
) -> None:
    """D2."""
    rules = [proxy.on(fragment, loss) for fragment in RESCUE]
    await orphan(cluster, user, 10)

    async def all_have_hit() -> bool:
        # A claim whose answer was lost is not made again before its lease has run out.
        await cluster.let_leases_run_out()
        return all(rule.hits for rule in rules)

    await eventually(all_have_hit, within=30, what="every statement of a rescue lost once")
    await cluster.let_leases_run_out()
    await cluster.check()


@pytest.mark.parametrize("sqlstate", SOON_SENT_AGAIN)
async def test_an_error_that_a_repetition_mends_goes_unnoticed(
    cluster: Cluster, proxy: PostgresProxy, user: Client, sqlstate: str
) -> None:
    """D9."""
    rules = [proxy.on(fragment, sqlstate) for fragment in (BEGIN_TURN, CHECKPOINT, FINISH)]
    saying = await begin(cluster, user, count=8, hold=4)
    await eventually(lambda: rules[1].hits, within=5, what="a checkpoint")
    saying.release()

    await expect_complete(cluster, user, saying)
    assert [rule.hits for rule in rules] == [1, 1, 1]
    await cluster.check()


@pytest.mark.parametrize("sqlstate", NOT_SENT_AGAIN)
async def test_an_error_that_only_time_mends_is_told_at_once_and_survived_by_replies_in_the_making(
    cluster: Cluster, proxy: PostgresProxy, user: Client, sqlstate: str
) -> None:
    """D9."""
    saying = await begin(cluster, user, count=8, hold=4)
    checkpoint = proxy.on(CHECKPOINT, sqlstate, times=3)
    finish = proxy.on(FINISH, sqlstate, times=2)
    begin_turn = proxy.on(BEGIN_TURN, sqlstate)
    conversation = await user.create(on=cluster.urls[1])
    refused = await user.send(conversation, user.prompt(), on=cluster.urls[1])
    saying.release()

    assert (refused.status, begin_turn.hits) == (503, 1)
    assert "retry-after" in refused.response.headers
    await expect_complete(cluster, user, saying)
    assert finish.hits == 2
    assert checkpoint.hits <= 3
    await cluster.check()


@pytest.mark.parametrize("sqlstate", MISTAKES_OF_OURS)
async def test_an_error_nobody_foresaw_is_not_repeated_and_costs_no_reply_that_is_being_made(
    cluster: Cluster, proxy: PostgresProxy, user: Client, sqlstate: str
) -> None:
    """D9."""
    saying = await begin(cluster, user, count=8, hold=4)
    proxy.on(CHECKPOINT, sqlstate, times=2)
    proxy.on(FINISH, sqlstate)
    begin_turn = proxy.on(BEGIN_TURN, sqlstate, times=100)
    conversation = await user.create(on=cluster.urls[1])
    refused = await user.send(conversation, user.prompt(), on=cluster.urls[1])
    saying.release()

    assert (refused.status, begin_turn.hits) == (500, 1)
    await expect_complete(cluster, user, saying)
    await cluster.check()


async def test_replies_live_through_immediate_restarts_of_the_database(
    cluster: Cluster, crash_server: EmbeddedPostgres, user: Client
) -> None:
    """D3."""
    random = Random(3)
    sayings = [await begin(cluster, user, count=400, every=0.02) for _ in range(5)]
    for _ in range(2):
        # The moment is part of the fault.
        await asyncio.sleep(random.uniform(0.5, 1.5))
        await asyncio.to_thread(crash_server.stop, "immediate")
        began = time.monotonic()
        refused = await user.call("POST", "", on=cluster.urls[0])
        assert refused.status_code == 503
        assert time.monotonic() - began < 6
        await eventually(lambda: readiness_is(cluster, 503), within=5, what="the end of readiness")
        await asyncio.to_thread(crash_server.start)
        await eventually(lambda: readiness_is(cluster, 200), within=5, what="readiness, 5 s after the database is back")

    for saying in sayings:
        await expect_complete(cluster, user, saying)
    await cluster.check()


async def readiness_is(cluster: Cluster, status: int) -> bool:
    return all([await replica.readiness() == status for replica in cluster.replicas])


async def test_no_caller_notices_that_all_idle_connections_were_ended(cluster: Cluster, user: Client) -> None:
    """D5."""
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
    """D6, shortened: the network acknowledges everything, the server answers nothing."""
    saying = await begin(cluster, user, count=100, every=0.02)
    proxy.swallow()
    began = time.monotonic()
    refused = await user.call("POST", "", on=cluster.urls[0])
    assert (refused.status_code, time.monotonic() - began < STATEMENT_SECONDS + 1.5) == (503, True)
    proxy.heal()

    await expect_complete(cluster, user, saying)
    await cluster.check()


async def test_replies_wait_in_memory_while_the_database_takes_no_writes(cluster: Cluster, user: Client) -> None:
    """D12: read-only after a failover."""
    saying = await begin(cluster, user, count=200, every=0.01)
    conversation = await user.create(on=cluster.urls[0])
    await set_read_only(cluster, is_read_only=True)
    refused = await user.send(conversation, user.prompt(), on=cluster.urls[0])
    await eventually(lambda: saying.is_complete, within=10, what="the model's last word")
    await set_read_only(cluster, is_read_only=False)

    assert refused.status == 503
    await expect_complete(cluster, user, saying)
    taken = await user.send(conversation, user.prompt(), on=cluster.urls[0])
    assert (await taken.read()).error is None
    await cluster.check()


async def set_read_only(cluster: Cluster, *, is_read_only: bool) -> None:
    """A failover: new sessions find a database that takes no writes, or one that does again; old ones are gone."""
    switch = "on" if is_read_only else "off"
    name = cluster.database_url.rpartition("/")[2]
    async with await psycopg.AsyncConnection.connect(cluster.database_url, autocommit=True) as connection:
        await connection.execute("set default_transaction_read_only = off")
        await connection.execute(f"alter database {name} set default_transaction_read_only = {switch}".encode())
        await connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s and pid <> pg_backend_pid()",
            (name,),
        )


async def test_a_reply_that_outgrows_what_may_wait_in_memory_is_kept_up_to_there(
    cluster: Cluster, proxy: PostgresProxy, user: Client
) -> None:
    """D12: a disk that stays full for longer than memory lasts."""
    conversation = await user.create(on=cluster.urls[0])
    prompt = user.prompt()
    # 1.14 MB of text where 1 MiB may wait, in less code points than a reply may have.
    cluster.model.will_say(prompt, 400, padding="🙂" * 750, hold=380)
    proxy.on(CHECKPOINT, "53100", times=1000)
    reply = await user.send_async(conversation, prompt, on=cluster.urls[0])
    saying = await cluster.model.asked(prompt)
    await saying.over(within=20)
    proxy.heal()

    assert not saying.is_complete
    follower = await read_to_the_end(user.follow(conversation, reply), cluster.urls)
    assert follower.reading.error == "inference_interrupted"
    assert len(follower.text.encode()) > 1024 * 1024
    await cluster.check()
