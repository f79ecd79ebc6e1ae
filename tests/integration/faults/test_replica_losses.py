"""A replica that dies, freezes or hangs takes at most half a second of text with it, and can do no harm afterwards.

Five replicas over one database. Four make replies and are struck at the same moment, each by a fault of its own; the
fifth is left, and everybody reads on from it. The numbers are those of the catalogue of faults, part P.
"""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from attrs import Factory, define

from tests.integration.embedded_postgres import EmbeddedPostgres
from tests.integration.faults.blocking import block, blockable
from tests.integration.faults.client import Answer, Client, Follower
from tests.integration.faults.cluster import Cluster
from tests.integration.faults.fresh_database import fresh_database
from tests.integration.faults.model import Saying
from tests.integration.faults.patience import read_to_the_end
from tests.integration.faults.replica import Replica
from tests.integration.faults.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

KILLED, REBORN, FROZEN, BLOCKED, LEFT = range(5)
REPLIES_EACH = 3
# A lease is good for 15 s, and it must have run out before the victim of a blocked loop wakes up.
BLOCKED_SECONDS = 22.0
FINAL_STATE_SECONDS = 30.0
# At most this much of what a model said may be lost.
LOST_SECONDS = 0.5


@define(eq=False)
class Casualty:
    """A reply whose replica was struck."""

    conversation: str
    answer: Answer
    saying: Saying
    #: A reader on the replica that is left, from the start.
    follower: Follower
    struck_at: float = 0.0
    ended_at: float = 0.0

    async def read(self, on: str) -> None:
        """Reads what comes to the caller and to the follower, to the end."""
        caller = asyncio.create_task(self.answer.read())
        await read_to_the_end(self.follower, [on], within=FINAL_STATE_SECONDS + 10)
        self.ended_at = time.monotonic()
        await caller


@define(eq=False)
class Storm:
    """What was struck, and what became of it."""

    cluster: Cluster
    user: Client
    casualties: dict[int, list[Casualty]] = Factory(dict)

    async def begin(self) -> None:
        """Has each replica that is to be struck make some replies."""
        for victim in (KILLED, REBORN, FROZEN, BLOCKED):
            self.casualties[victim] = [await self._begin_on(victim) for _ in range(REPLIES_EACH)]

    async def _begin_on(self, victim: int) -> Casualty:
        cluster = self.cluster
        conversation = await self.user.create(on=cluster.urls[LEFT])
        prompt = self.user.prompt()
        # Long enough to be under way when the victims come back.
        cluster.model.will_say(prompt, 1500, every=0.03)
        answer = await self.user.send(conversation, prompt, on=cluster.urls[victim])
        follower = self.user.follow(conversation, answer.reply_id)
        return Casualty(conversation, answer, await cluster.model.asked(prompt), follower)

    async def rage(self) -> None:
        """Strikes, and lets everybody read to the end."""
        all_casualties = [casualty for casualties in self.casualties.values() for casualty in casualties]
        left = self.cluster.urls[LEFT]
        reading = [asyncio.create_task(casualty.read(left)) for casualty in all_casualties]
        await eventually(
            lambda: all(len(casualty.saying.said_at) > 50 for casualty in all_casualties),
            within=20,
            what="every reply well under way",
        )
        await self._strike()
        await asyncio.gather(*reading)
        self.cluster.replicas[FROZEN].thaw()
        for victim in (FROZEN, BLOCKED):
            await self.cluster.replicas[victim].serves_again()

    async def _strike(self) -> None:
        replicas = self.cluster.replicas
        blows = {KILLED: Replica.kill, REBORN: Replica.kill, FROZEN: Replica.freeze, BLOCKED: block}
        for victim, blow in blows.items():
            for casualty in self.casualties[victim]:
                casualty.struck_at = time.monotonic()
            blow(replicas[victim])
        await replicas[REBORN].restart()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def storm(crash_server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Storm]:
    folder = tmp_path_factory.mktemp("replica-losses")
    settings = blockable(folder, BLOCKED_SECONDS)
    async with Cluster(await fresh_database(crash_server), folder, size=5, settings=settings) as cluster:
        storm = Storm(cluster, cluster.user("storm"))
        await storm.begin()
        await storm.rage()
        yield storm


async def expect_interrupted(storm: Storm, victim: int) -> None:
    """Its replies ended in time, interrupted, and as little was lost as is promised."""
    for casualty in storm.casualties[victim]:
        assert casualty.ended_at - casualty.struck_at <= FINAL_STATE_SECONDS
        messages = await storm.user.open(casualty.conversation, on=storm.cluster.urls[LEFT])
        assert messages[-1]["status"] == "interrupted"
        stored = str(messages[-1]["content"])
        owed = casualty.saying.text_until(casualty.struck_at - LOST_SECONDS)
        assert stored.startswith(owed), f"{len(stored)} code points are stored of {len(owed)} that are owed"
        assert casualty.follower.text == stored


async def test_replies_of_a_killed_replica_end_with_what_their_last_checkpoint_held(storm: Storm) -> None:
    """The owner is killed."""
    await expect_interrupted(storm, KILLED)
    await storm.cluster.check()


async def test_a_replica_that_comes_back_under_its_name_inherits_no_reply(storm: Storm) -> None:
    """The owner is killed, and a new process takes its place at once."""
    await expect_interrupted(storm, REBORN)
    assert await storm.cluster.replicas[REBORN].figure("chatcore_active_generations") == 0
    await storm.cluster.check()


async def test_a_caller_who_was_shown_more_than_survived_is_told_to_go_back(storm: Storm) -> None:
    """A reader is told of every text that it was shown and that was lost."""
    for casualty in (*storm.casualties[KILLED], *storm.casualties[REBORN]):
        resumed = Follower.after(storm.user, casualty.answer.stream)
        shown = len(resumed.text)
        await read_to_the_end(resumed, [storm.cluster.urls[LEFT]])
        if shown > len(casualty.follower.text):
            assert resumed.reading.rewinds == [len(casualty.follower.text)]
        assert resumed.text == casualty.follower.text
    await storm.cluster.check()


async def test_a_replica_that_thaws_after_its_replies_were_recovered_writes_nothing_more(storm: Storm) -> None:
    """The owner is stopped until others have taken over, and then continues."""
    await expect_fenced(storm, FROZEN)


async def test_a_replica_whose_event_loop_hung_past_its_leases_writes_nothing_more(storm: Storm) -> None:
    await expect_fenced(storm, BLOCKED)


async def expect_fenced(storm: Storm, victim: int) -> None:
    """The victim lives on, has stopped its calls of the model, and has changed nothing."""
    await expect_interrupted(storm, victim)
    for casualty in storm.casualties[victim]:
        await casualty.saying.over(within=BLOCKED_SECONDS)
        assert not casualty.saying.is_complete
    replica = storm.cluster.replicas[victim]
    await expect_interrupted(storm, victim)
    conversation = storm.casualties[victim][0].conversation
    answer = await storm.user.send(conversation, storm.user.prompt(), on=replica.base_url)
    assert (await answer.read()).error is None
    await storm.cluster.check()
