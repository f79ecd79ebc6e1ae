"""A reply whose replica dies, freezes or drains is finished by another one, where the model can go on from its text.

Four replicas over one database. Three make replies and are struck, each in its own way; the fourth is left, takes the
replies over and finishes them. Their readers piece together what the model would have said without the fault.
"""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from attrs import Factory, define

from tests.integration.embedded_postgres import EmbeddedPostgres
from tests.integration.faults.client import Answer, Client, Follower
from tests.integration.faults.cluster import Cluster
from tests.integration.faults.fresh_database import fresh_database
from tests.integration.faults.lease_log import LeaseLog
from tests.integration.faults.model import Saying, Speech
from tests.integration.faults.patience import read_to_the_end
from tests.integration.faults.replica import PEACEFUL, Replica
from tests.integration.faults.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

KILLED, FROZEN, DRAINED, LEFT = range(4)
REPLIES_EACH = 3
TOKENS = 300
# A lease is good for 15 s, and a sweep comes every second; the rest is what a slow machine may take.
READ_SECONDS = 60.0
_SETTINGS = {"INFERENCE_CAN_CONTINUE": "true", "DRAIN_SECONDS": "1"}


@define(eq=False)
class Reply:
    """A reply whose replica is struck."""

    conversation: str
    answer: Answer
    speech: Speech
    saying: Saying
    #: A reader on the replica that is left, from the start.
    follower: Follower

    async def read(self, on: str) -> None:
        """Reads what comes to the caller and to the follower, to the end."""
        caller = asyncio.create_task(self.answer.read())
        await read_to_the_end(self.follower, [on], within=READ_SECONDS)
        await caller


@define(eq=False)
class Takeovers:
    """What was struck, and what became of it."""

    cluster: Cluster
    user: Client
    log: LeaseLog
    replies: dict[int, list[Reply]] = Factory(dict)

    async def happen(self) -> None:
        """Strikes, and lets everybody read to the end."""
        for victim in (KILLED, FROZEN, DRAINED):
            self.replies[victim] = [await self._begin_on(victim) for _ in range(REPLIES_EACH)]
        everything = [reply for replies in self.replies.values() for reply in replies]
        left = self.cluster.urls[LEFT]
        reading = [asyncio.create_task(reply.read(left)) for reply in everything]
        await eventually(
            lambda: all(len(reply.saying.said_at) > 50 for reply in everything),
            within=20,
            what="every reply well under way",
        )
        replicas = self.cluster.replicas
        for victim, blow in {KILLED: Replica.kill, FROZEN: Replica.freeze, DRAINED: Replica.terminate}.items():
            blow(replicas[victim])
        assert await replicas[DRAINED].exit_status(within=30) in PEACEFUL
        await asyncio.gather(*reading)
        replicas[FROZEN].thaw()
        await replicas[FROZEN].serves_again()

    async def _begin_on(self, victim: int) -> Reply:
        cluster = self.cluster
        conversation = await self.user.create(on=cluster.urls[LEFT])
        prompt = self.user.prompt()
        speech = cluster.model.will_say(prompt, TOKENS, every=0.05)
        answer = await self.user.send(conversation, prompt, on=cluster.urls[victim])
        follower = self.user.follow(conversation, answer.reply_id)
        return Reply(conversation, answer, speech, await cluster.model.asked(prompt), follower)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def takeovers(
    crash_server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Takeovers]:
    folder = tmp_path_factory.mktemp("takeovers")
    database_url = await fresh_database(crash_server)
    async with Cluster(database_url, folder, size=4, settings=_SETTINGS) as cluster:
        made = Takeovers(cluster, cluster.user("takeovers"), await LeaseLog.begin(database_url))
        await made.happen()
        yield made


@pytest.mark.parametrize("victim", [KILLED, FROZEN, DRAINED], ids=["killed", "frozen", "drained"])
async def test_every_reply_is_finished_by_another_replica(takeovers: Takeovers, victim: int) -> None:
    for reply in takeovers.replies[victim]:
        messages = await takeovers.user.open(reply.conversation, on=takeovers.cluster.urls[LEFT])
        assert (messages[-1]["status"], messages[-1]["content"]) == ("complete", reply.speech.text)
        assert messages[-1]["token_count"] == TOKENS
        assert reply.follower.text == reply.speech.text
        calls = takeovers.cluster.model.calls(reply.saying.prompt)
        assert [call.is_continued for call in calls] == [False, True]
    await takeovers.cluster.check()


@pytest.mark.parametrize("victim", [KILLED, FROZEN, DRAINED], ids=["killed", "frozen", "drained"])
async def test_a_caller_who_was_shown_more_than_survived_pieces_the_reply_together(
    takeovers: Takeovers, victim: int
) -> None:
    for reply in takeovers.replies[victim]:
        resumed = Follower.after(takeovers.user, reply.answer.stream)
        await read_to_the_end(resumed, [takeovers.cluster.urls[LEFT]])
        assert resumed.text == reply.speech.text
    await takeovers.cluster.check()


async def test_the_first_sweep_takes_a_reply_over_whose_lease_ran_out_or_was_given_up(takeovers: Takeovers) -> None:
    noticed = await takeovers.log.takeovers()

    assert sorted(takeover.is_hand_over for takeover in noticed) == [False] * 2 * REPLIES_EACH + [True] * REPLIES_EACH
    assert max(takeover.sweeps_in_vain for takeover in noticed) <= 1
