"""Rows that somebody else holds: callers are told in time, nothing is half done, and nobody else waits.

The numbers are those of the catalogue of faults, part D.
"""

import asyncio
import time
from uuid import uuid4

import pytest

from tests.integration.faults.beginning import finished
from tests.integration.faults.client import Client
from tests.integration.faults.cluster import Cluster
from tests.integration.faults.database.locks import locked, waiting
from tests.integration.faults.database.replies import begin, expect_complete, sent_for, stored_chars
from tests.integration.faults.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="package")

#: More than a replica has connections for endings.
ENDINGS = 6


async def test_a_conversation_that_is_locked_is_refused_in_time_and_nothing_of_it_is_half_done(
    cluster: Cluster, user: Client
) -> None:
    """The conversation is locked for writing. It can still be read, and a reply that ends meanwhile waits."""
    here, there = cluster.urls
    conversation, _, _ = await finished(cluster, user)
    path = f"/{conversation}"
    before = await user.open(conversation, on=here)
    ending = await begin(cluster, user, count=8, hold=4)
    prompt, key = user.prompt(), uuid4().hex

    async with locked(cluster, conversation, sent_for(cluster, ending).conversation_id):
        ending.release()
        # That the callers are answered while somebody holds the lock shows that they do not wait for it.
        sent, *others = await asyncio.gather(
            user.send(conversation, prompt, on=here, key=key),
            user.call("POST", f"{path}/regenerate", on=there),
            user.call("PUT", path, on=here, body={"title": "Never"}),
            user.call("DELETE", path, on=there),
        )
        assert await user.open(conversation, on=there) == before

    for response in (sent.response, *others):
        assert response.status_code == 503
        assert "retry-after" in response.headers
    assert await user.open(conversation, on=here) == before
    await expect_complete(cluster, user, ending)
    assert (await (await user.send(conversation, prompt, on=there, key=key)).read()).error is None
    await cluster.check()


async def test_endings_that_wait_for_locks_hold_up_neither_checkpoints_nor_readers_nor_readiness(
    cluster: Cluster, user: Client
) -> None:
    endings = [await begin(cluster, user, count=8, hold=4) for _ in range(ENDINGS)]
    going = await begin(cluster, user, count=500, every=0.005)

    async with locked(cluster, *(sent_for(cluster, ending).conversation_id for ending in endings)):
        for ending in endings:
            ending.release()
        await eventually(lambda: waiting(cluster), within=5, what="an ending that waits")
        for _ in range(6):
            said = len(going.text_until(time.monotonic()))

            async def is_stored(said: int = said) -> bool:
                return await stored_chars(cluster, going) >= said

            await eventually(is_stored, within=1.5, what="a checkpoint")
        assert [await replica.readiness() for replica in cluster.replicas] == [200, 200]

    for saying in (*endings, going):
        await expect_complete(cluster, user, saying)
    await cluster.check()
