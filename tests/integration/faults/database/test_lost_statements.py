"""Statements that never arrive, and answers that never come: what was asked for is done once.

The numbers are those of the catalogue of faults, part D.
"""

from uuid import uuid4

import pytest

from tests.integration.faults.client import Client
from tests.integration.faults.cluster import Cluster
from tests.integration.faults.database.statements import BEGIN_TURN, RECOVERY, WRITES
from tests.integration.faults.orphans import orphan
from tests.integration.faults.patience import read_to_the_end
from tests.integration.faults.postgres_proxy import Loss, PostgresProxy
from tests.integration.faults.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def live_a_life(cluster: Cluster, user: Client) -> list[int]:
    """Sends every kind of request to both replicas; returns the statuses."""
    here, there = cluster.urls
    conversation, other = await user.create(on=here), await user.create(on=there)
    prompt = user.prompt()
    cluster.model.will_say(prompt, 8, hold=4, hold_again=4)
    sent = await user.send(conversation, prompt, on=here, key=uuid4().hex)
    (await cluster.model.holding(prompt)).release()
    await sent.read()
    regenerated = await user.regenerate(conversation, on=there)
    await regenerated.read(at_least=1)
    stopped = await user.stop(conversation, regenerated.reply_id, on=here)
    renamed = await user.call("PUT", f"/{conversation}", on=there, body={"title": "A life"})
    chosen = await user.call("PATCH", f"/{conversation}", on=here, body={"head_id": sent.reply_id})
    user.ledger.forget_reply(sent.reply_id, prompt)
    taken = await user.call("DELETE", f"/{conversation}/messages/{sent.reply_id}", on=there)
    shown = await user.open(conversation, on=here)
    assert [message["id"] for message in shown][1:] == [regenerated.reply_id]
    # The oracle knows no copies, so what is forked has no messages.
    forked = await user.call("POST", f"/{other}/fork", on=there)
    deleted = await user.delete(other, on=here)
    writes = [response.status_code for response in (renamed, chosen, taken, forked)]
    return [sent.status, regenerated.status, stopped.status_code, *writes, deleted]


@pytest.mark.parametrize("loss", Loss)
@pytest.mark.parametrize("write", WRITES)
async def test_a_lost_request_or_answer_of_any_write_goes_unnoticed(
    cluster: Cluster, proxy: PostgresProxy, user: Client, write: str, loss: Loss
) -> None:
    """The connection breaks before the statement arrives, or after it took effect."""
    rule = proxy.on(WRITES[write], loss)
    statuses = await live_a_life(cluster, user)

    assert rule.hits == 1
    assert statuses == [200, 200, 200, 200, 200, 204, 201, 204]
    await cluster.check()


async def test_a_send_that_is_told_of_a_failure_again_and_again_is_one_message_at_its_next_try(
    cluster: Cluster, proxy: PostgresProxy, user: Client
) -> None:
    """Every answer to the statement is lost, then a client comes back with its key."""
    conversation = await user.create(on=cluster.urls[0])
    for loss in Loss:
        prompt, key = user.prompt(loss.name), uuid4().hex
        proxy.on(BEGIN_TURN, loss, times=100)
        failed = await user.send(conversation, prompt, on=cluster.urls[0], key=key)
        proxy.heal()
        assert failed.status == 503
        reply = await user.send_async(conversation, prompt, on=cluster.urls[1], key=key)
        # One that was begun all the same is made by its process, which looks whether it was. Nobody waits for a lease.
        follower = await read_to_the_end(user.follow(conversation, reply), cluster.urls, within=5)
        assert (follower.text, follower.reading.error) == (cluster.model.speech(prompt).text, None)
        assert await user.send_async(conversation, prompt, on=cluster.urls[0], key=key) == reply
    await cluster.check()


@pytest.mark.parametrize("loss", Loss)
async def test_a_recovery_converges_whichever_of_its_statements_is_lost(
    cluster: Cluster, proxy: PostgresProxy, user: Client, loss: Loss
) -> None:
    rules = [proxy.on(fragment, loss) for fragment in RECOVERY]
    await orphan(cluster, user, 10)

    async def all_have_hit() -> bool:
        # A claim whose answer was lost is not made again before its lease has run out.
        await cluster.let_leases_run_out()
        return all(rule.hits for rule in rules)

    await eventually(all_have_hit, within=30, what="every statement of a recovery lost once")
    await cluster.let_leases_run_out()
    await cluster.check()
