"""A database that takes no writes, or no more of them: text waits in memory, and not without end.

The numbers are those of the catalogue of faults, part D.
"""

import psycopg
import pytest

from tests.integration.faults.client import Client
from tests.integration.faults.cluster import Cluster
from tests.integration.faults.database.replies import begin, expect_complete
from tests.integration.faults.database.statements import CHECKPOINT
from tests.integration.faults.patience import read_to_the_end
from tests.integration.faults.postgres_proxy import PostgresProxy
from tests.integration.faults.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_replies_wait_in_memory_while_the_database_takes_no_writes(cluster: Cluster, user: Client) -> None:
    """The database is read-only after a failover."""
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
    """The disk stays full for so long that the text in memory reaches its limit."""
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
