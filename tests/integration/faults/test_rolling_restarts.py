"""Three replicas are restarted one after the other, and no reply that is made meanwhile is interrupted.

The replies of two minutes that docs/reliability.md tells of are made by hand, with CHATCORE_TEST_REPLY_SECONDS=120.
"""

import asyncio
import os
from pathlib import Path

from attrs import define

from tests.integration.embedded_postgres import EmbeddedPostgres
from tests.integration.faults.client import Answer, Client, Follower
from tests.integration.faults.cluster import Cluster
from tests.integration.faults.fresh_database import fresh_database
from tests.integration.faults.lease_log import LeaseLog
from tests.integration.faults.patience import read_to_the_end
from tests.integration.faults.replica import PEACEFUL

REPLY_SECONDS = float(os.environ.get("CHATCORE_TEST_REPLY_SECONDS", "10"))
LONG_REPLIES_EACH = 10
# The whole text fits into one message of the model.
_TOKENS = 120
# Long replies end long after a drain, so that each restart hands them over.
_DRAIN_SECONDS = REPLY_SECONDS / 10


@define(eq=False)
class Reply:
    """A reply that is made for as long as the restarts take."""

    answer: Answer
    text: str
    #: A reader on whatever replica is there.
    follower: Follower
    reader: "asyncio.Task[Follower]"


async def test_no_reply_is_interrupted(crash_server: EmbeddedPostgres, tmp_path: Path) -> None:
    database_url = await fresh_database(crash_server)
    log = await LeaseLog.begin(database_url)
    settings = {"INFERENCE_CAN_CONTINUE": "true", "DRAIN_SECONDS": f"{_DRAIN_SECONDS}"}
    async with Cluster(database_url, tmp_path, size=3, settings=settings) as cluster:
        user = cluster.user("rolling")
        replies = [await begin(cluster, user, on=url) for url in cluster.urls for _ in range(LONG_REPLIES_EACH)]
        chats = {url: await user.create(on=url) for url in cluster.urls}
        for number, replica in enumerate(cluster.replicas):
            others = [*cluster.urls[:number], *cluster.urls[number + 1 :]]
            replica.terminate()
            leaving = asyncio.create_task(replica.exit_status(within=_DRAIN_SECONDS + 10))
            while not leaving.done():
                await asyncio.gather(*(converse(user, chats[url], on=url) for url in others))
            assert await leaving in PEACEFUL
            await replica.restart()
        for reply in replies:
            await reply.reader
            assert (reply.follower.text, reply.follower.reading.error) == (reply.text, None)
            back = await read_to_the_end(Follower.after(user, await reply.answer.read()), cluster.urls)
            assert back.text == reply.text
        await cluster.check()

    hand_overs = await log.takeovers()
    longest = max(takeover.waited for takeover in hand_overs)
    print(f"{len(hand_overs)} hand-overs, the longest wait {longest:.2f} s")  # noqa: T201 - shown with -s
    assert len(hand_overs) >= LONG_REPLIES_EACH
    for takeover in hand_overs:
        assert takeover.is_hand_over
        assert takeover.sweeps_in_vain <= 1
        assert takeover.waited <= 2 or "CHATCORE_TEST_REPLY_SECONDS" not in os.environ


async def begin(cluster: Cluster, user: Client, *, on: str) -> Reply:
    """Begins a long reply, with a reader that goes from replica to replica."""
    conversation = await user.create(on=on)
    prompt = user.prompt()
    speech = cluster.model.will_say(prompt, _TOKENS, every=REPLY_SECONDS / _TOKENS)
    answer = await user.send(conversation, prompt, on=on)
    follower = user.follow(conversation, answer.reply_id)
    reader = asyncio.create_task(read_to_the_end(follower, cluster.urls, within=REPLY_SECONDS * 3))
    return Reply(answer, speech.text, follower, reader)


async def converse(user: Client, conversation: str, *, on: str) -> None:
    """Sends a message and reads the short reply."""
    answer = await user.send(conversation, user.prompt(), on=on)
    assert (await answer.read()).is_done
