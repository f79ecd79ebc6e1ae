"""All connections for requests are in use: who comes is told in time, and what must go on does.

The number is that of the catalogue of faults, part D.
"""

import asyncio
import time

import httpx
import pytest

from tests.integration.faults.client import Client
from tests.integration.faults.cluster import Cluster
from tests.integration.faults.database.locks import locked, waiting
from tests.integration.faults.database.replies import begin, expect_complete, sent_for, stored_chars
from tests.integration.faults.ledger import Sent
from tests.integration.faults.model import Saying
from tests.integration.faults.replica import Replica
from tests.integration.faults.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="package")

#: DATABASE_POOL_MAX_SIZE, where nothing else is set.
POOL_SIZE = 16


async def test_when_every_connection_is_stuck_callers_are_told_so_and_replies_in_the_making_go_on(
    cluster: Cluster, user: Client
) -> None:
    here, there = cluster.urls
    # One ends while the connections are stuck, one goes on beyond that.
    final_state = await begin(cluster, user, count=8, hold=4)
    going = await begin(cluster, user, count=300, every=0.01)
    conversations = [await user.create(on=there) for _ in range(POOL_SIZE)]
    await fill_pool(cluster.replicas[0], user)

    async with locked(cluster, *conversations):
        sends = [asyncio.create_task(user.send_async(id_, user.prompt(), on=here)) for id_ in conversations]

        async def all_are_stuck() -> bool:
            return await waiting(cluster) == POOL_SIZE

        await eventually(all_are_stuck, within=5, what="every connection in use")
        refusals = asyncio.gather(*(refusal(user, path, on=here) for path in ("", f"/{conversations[0]}")))
        final_state.release()
        # Liveness and readiness say what is so before a wait for a connection has ended.
        await expect_to_be_alive(cluster, here)
        assert not refusals.done()
        said = len(going.text_until(time.monotonic()))

        async def is_stored() -> bool:
            return await stored_chars(cluster, going) >= said

        await eventually(is_stored, within=3, what="a checkpoint")
        assert await refusals == [503, 503]
        # The callers were told although nothing has come free.
        assert not any(send.done() for send in sends)
        # Where it is made nobody can look it up just now; on the other replica it is shown to its end.
        await expect_to_be_shown(user, final_state, sent_for(cluster, final_state), on=there)

    await asyncio.gather(*sends)
    await expect_complete(cluster, user, going)
    await cluster.check()


async def fill_pool(replica: Replica, user: Client) -> None:
    """Has the replica open all connections that it may have for requests."""

    async def is_full() -> bool:
        await asyncio.gather(*(user.call("GET", "", on=replica.base_url) for _ in range(4 * POOL_SIZE)))
        return await replica.figure('chatcore_database_pool{figure="pool_size",pool="requests"}') == POOL_SIZE

    await eventually(is_full, within=30, what="a connection for each request")


async def refusal(user: Client, path: str, *, on: str) -> int:
    """Returns how a read is refused."""
    response = await user.call("GET", path, on=on)
    assert response.headers.get("retry-after", "").isdigit()
    return response.status_code


async def expect_to_be_alive(cluster: Cluster, url: str) -> None:
    """Liveness and readiness say what is so: the process works, and reaches its database."""
    async with httpx.AsyncClient(base_url=url, trust_env=False) as http:
        assert [(await http.get(path)).status_code for path in ("/api/health", "/api/ready")] == [200, 200]
    assert [replica.is_alive for replica in cluster.replicas] == [True, True]


async def expect_to_be_shown(user: Client, saying: Saying, sent: Sent, *, on: str) -> None:
    """The reply can be read to its end there."""
    assert sent.reply_id is not None
    follower = user.follow(sent.conversation_id, sent.reply_id)
    await follower.connect(on=on)
    assert (follower.is_finished, follower.text) == (True, saying.speech.text)
