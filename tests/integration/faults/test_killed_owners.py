"""Owners are killed again and again, and every reply that they were making is finished by another replica.

Two hundred kills, of which docs/reliability.md tells, are made by hand, with CHATCORE_TEST_KILLS=200.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from itertools import cycle, islice
from random import Random

import pytest
import pytest_asyncio
from attrs import define

from tests.integration.embedded_postgres import EmbeddedPostgres
from tests.integration.faults.client import Answer, Client, Follower
from tests.integration.faults.cluster import Cluster
from tests.integration.faults.fresh_database import fresh_database
from tests.integration.faults.patience import read_to_the_end
from tests.integration.faults.replica import Replica
from tests.integration.faults.shapes import SHAPES, TOKENS

pytestmark = pytest.mark.asyncio(loop_scope="module")

KILLS = int(os.environ.get("CHATCORE_TEST_KILLS", "2"))
REPLIES_EACH = 5
_SEED = 14
_SETTINGS = {"INFERENCE_CAN_CONTINUE": "true", "DRAIN_SECONDS": "0"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cluster(crash_server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    folder = tmp_path_factory.mktemp("killed-owners")
    async with Cluster(await fresh_database(crash_server), folder, size=3, settings=_SETTINGS) as cluster:
        yield cluster


@define(eq=False)
class Reply:
    """A reply whose owner is killed."""

    conversation: str
    prompt: str
    text: str
    answer: Answer
    #: A reader on another replica, from the start.
    follower: Follower


async def begin(cluster: Cluster, user: Client, shape: str, *, on: Replica, hold: int, watch: Replica) -> Reply:
    conversation = await user.create(on=on.base_url)
    prompt = user.prompt()
    speech = SHAPES[shape](cluster.model, prompt, hold, None)
    answer = await user.send(conversation, prompt, on=on.base_url)
    follower = user.follow(conversation, answer.reply_id)
    await follower.connect(on=watch.base_url, at_least=1)
    return Reply(conversation, prompt, speech.text, answer, follower)


async def test_no_reply_of_a_killed_owner_is_interrupted(cluster: Cluster) -> None:
    user, random = cluster.user("killed"), Random(_SEED)
    for victim in islice(cycle(cluster.replicas), KILLS):
        await cluster.revive()
        others = [replica for replica in cluster.replicas if replica is not victim]
        begun = (
            begin(cluster, user, shape, on=victim, hold=random.randint(1, TOKENS), watch=others[0])
            for shape in SHAPES
            for _ in range(REPLIES_EACH)
        )
        replies = await asyncio.gather(*begun)
        # Any moment will do: the text may be stored, on its way, or not even said.
        await kill(cluster, victim)

        urls = [replica.base_url for replica in others]
        for reply in replies:
            await reply.answer.read()
            back = Follower.after(user, reply.answer.stream)
            await asyncio.gather(*(read_to_the_end(reader, urls) for reader in (reply.follower, back)))
            message = (await user.open(reply.conversation, on=urls[0]))[-1]
            assert (message["status"], message["content"]) == ("complete", reply.text)
            assert message["token_count"] == cluster.model.speech(reply.prompt).token_count
            assert (back.text, reply.follower.text) == (reply.text, reply.text)
            assert len(cluster.model.calls(reply.prompt)) == 2
    await cluster.check()


async def test_a_second_kill_interrupts_a_reply_whatever_hand_overs_it_outlives(cluster: Cluster) -> None:
    """What kills its process must not travel from one replica to the next; a drain is no such thing."""
    await cluster.revive()
    user = cluster.user("twice")
    first, second, third = cluster.replicas
    # With two of them, it is known who has the reply.
    await third.stop()
    conversation = await user.create(on=first.base_url)
    prompt = user.prompt()
    # It is never over by itself.
    speech = cluster.model.will_say(prompt, 10_000, every=0.05)
    reply = await user.send_async(conversation, prompt, on=first.base_url)
    follower = user.follow(conversation, reply)
    reading = asyncio.create_task(read_to_the_end(follower, [first.base_url, second.base_url], within=60))
    for number, (end, owner) in enumerate([(drain, first), (kill, second), (drain, first)], start=1):
        await end(cluster, owner)
        await cluster.model.asked(prompt, number)
        await owner.restart()
    await kill(cluster, second)
    await reading

    message = (await user.open(conversation, on=first.base_url))[-1]
    assert (message["status"], follower.reading.error) == ("interrupted", "inference_interrupted")
    assert message["content"] == follower.text == "".join(speech.tokens[: int(str(message["token_count"]))])
    assert len(cluster.model.calls(prompt)) == 4
    await cluster.check()


async def drain(_: Cluster, replica: Replica) -> None:
    await replica.stop()


async def kill(cluster: Cluster, replica: Replica) -> None:
    replica.kill()
    await cluster.let_leases_run_out()
