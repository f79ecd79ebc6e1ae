"""Errors that the database answers: each is repeated, told or survived by what it means.

The numbers are those of the catalogue of faults, part D.
"""

from itertools import accumulate

import pytest

from tests.integration.faults.client import Client
from tests.integration.faults.cluster import Cluster
from tests.integration.faults.database.replies import begin, expect_complete, stored_chars, stored_deltas
from tests.integration.faults.database.statements import BEGIN_TURN, CHECKPOINT, FINISH
from tests.integration.faults.postgres_proxy import PostgresProxy
from tests.integration.faults.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="package")

SOON_SENT_AGAIN = ("40001", "40P01", "55P03", "57P01", "57P02", "57P03", "08000", "08006", "25006")
NOT_SENT_AGAIN = ("57014", "53100", "53200", "53300", "25P03", "58030")
MISTAKES_OF_OURS = ("22012", "42P08", "XX000")


@pytest.mark.parametrize("sqlstate", SOON_SENT_AGAIN)
async def test_an_error_that_a_repetition_mends_goes_unnoticed(
    cluster: Cluster, proxy: PostgresProxy, user: Client, sqlstate: str
) -> None:
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


async def test_a_checkpoint_that_took_too_long_is_made_up_for_by_the_next_without_a_gap(
    cluster: Cluster, proxy: PostgresProxy, user: Client
) -> None:
    timeouts = proxy.on(CHECKPOINT, "57014", times=4)
    saying = await begin(cluster, user, count=60, every=0.02, hold=59)
    said = "".join(saying.speech.tokens[:59])

    async def all_is_stored() -> bool:
        return await stored_chars(cluster, saying) == len(said)

    await eventually(lambda: saying.is_holding, within=10, what="the model holding its breath")
    await eventually(all_is_stored, within=3, what="the checkpoints that make up for it")
    assert timeouts.hits == 4
    deltas = await stored_deltas(cluster, saying)
    assert [start for start, _ in deltas] == [0, *accumulate(len(text) for _, text in deltas)][:-1]
    assert "".join(text for _, text in deltas) == said

    saying.release()
    await expect_complete(cluster, user, saying)
    await cluster.check()
