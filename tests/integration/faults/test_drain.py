"""A process that is asked to end loses nothing, keeps nobody waiting, and is gone in time.

The numbers are those of the catalogue of faults, part P.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from uuid import uuid4

import psycopg
import pytest
import pytest_asyncio
from attrs import define, frozen

from tests.integration.embedded_postgres import EmbeddedPostgres
from tests.integration.faults.client import Answer, Client, Follower
from tests.integration.faults.cluster import Cluster
from tests.integration.faults.fresh_database import fresh_database
from tests.integration.faults.patience import read_to_the_end
from tests.integration.faults.replica import PEACEFUL, Replica
from tests.integration.faults.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

DRAIN_SECONDS = 4.0
EXIT_SECONDS = 30.0
# Only a process that is hurried ends before the end of such a drain.
LONG_DRAIN_SECONDS = 20.0
HURRIED_EXIT_SECONDS = 12.0


@frozen
class Ending:
    """A way to run the service, and how each test asks it to end."""

    arguments: tuple[str, ...]
    once: Callable[[Replica], None]
    twice: Callable[[Replica], None]


# Both ways, and both signals in each way, at the price of half the combinations.
ENDINGS = {
    "one process": Ending((), once=Replica.terminate, twice=Replica.interrupt),
    "two workers": Ending(("--workers", "2"), once=Replica.interrupt, twice=Replica.terminate),
}


@pytest.fixture(scope="module", params=list(ENDINGS.values()), ids=list(ENDINGS))
def ending(request: pytest.FixtureRequest) -> Ending:
    assert isinstance(request.param, Ending)
    return request.param


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cluster(
    ending: Ending, crash_server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Cluster]:
    folder = tmp_path_factory.mktemp("drain")
    settings = {"DRAIN_SECONDS": str(DRAIN_SECONDS)}
    database_url = await fresh_database(crash_server)
    async with Cluster(database_url, folder, settings=settings, arguments=ending.arguments) as cluster:
        yield cluster


@pytest.fixture
def user(cluster: Cluster) -> Client:
    return cluster.user(uuid4().hex[:8])


@define(eq=False)
class Viewer:
    """Reads a reply from the process that is to end, and moves on to the other one."""

    answer: Answer
    user: Client
    #: The statuses of the connections to the other process; None where there was no need to move.
    moved: list[int] | None = None

    async def watch(self, other: str) -> None:
        """Reads to the end."""
        reading = await self.answer.read()
        if reading.is_done:
            return
        assert reading.is_told_to_reconnect, f"cut off without a word: {reading}"
        follower = Follower.after(self.user, reading)
        await read_to_the_end(follower, [other])
        self.moved = follower.statuses


async def open_streams(cluster: Cluster, user: Client, *, short: int, long: int) -> list[Viewer]:
    """Has the first replica make replies that end within the drain, and some that do not, each with a viewer."""

    async def begin(count: int) -> Viewer:
        conversation = await user.create(on=cluster.urls[0])
        prompt = user.prompt()
        cluster.model.will_say(prompt, count, every=0.2)
        return Viewer(await user.send(conversation, prompt, on=cluster.urls[0]), user)

    return list(await asyncio.gather(*(begin(10) for _ in range(short)), *(begin(500) for _ in range(long))))


async def test_a_process_that_is_asked_to_end_hands_two_hundred_streams_over(
    cluster: Cluster, user: Client, ending: Ending
) -> None:
    await cluster.revive()
    leaving, other = cluster.replicas
    viewers = await open_streams(cluster, user, short=40, long=60)
    watching = [asyncio.create_task(viewer.watch(other.base_url)) for viewer in viewers]
    followers = [user.follow(viewer.answer.stream.conversation_id, viewer.answer.reply_id) for viewer in viewers]
    following = [asyncio.create_task(read_to_the_end(follower, cluster.urls)) for follower in followers]
    await eventually(lambda: all(follower.text for follower in followers), within=20, what="200 streams under way")

    ending.once(leaving)
    await eventually(lambda: is_not_ready(leaving), within=DRAIN_SECONDS, what="the end of its readiness")
    # One of two workers may hear of the end a moment after the other has told of it.
    await eventually(
        lambda: refuses_turns(leaving, user, viewers[0]), within=DRAIN_SECONDS, what="the end of new turns"
    )
    status = await leaving.exit_status(within=EXIT_SECONDS)
    await asyncio.gather(*watching, *following)

    assert status in PEACEFUL
    # Whoever is told to move gets the rest from the first connection, without a wait for any lease.
    assert [viewer.moved for viewer in viewers if viewer.moved is not None] == [[200]] * 60
    await cluster.check()


async def refuses_turns(replica: Replica, user: Client, viewer: Viewer) -> bool:
    answer = await user.send(viewer.answer.stream.conversation_id, user.prompt(), on=replica.base_url)
    return (answer.status, "retry-after" in answer.response.headers) == (503, True)


async def is_not_ready(replica: Replica) -> bool:
    return await replica.readiness() == 503


async def test_a_second_signal_ends_the_process_quickly_and_still_loses_nothing(
    cluster: Cluster, user: Client, ending: Ending
) -> None:
    leaving, other = cluster.replicas
    await with_a_long_drain(leaving)
    viewers = await open_streams(cluster, user, short=0, long=20)
    watching = [asyncio.create_task(viewer.watch(other.base_url)) for viewer in viewers]
    await eventually(lambda: all(viewer.answer.stream.text for viewer in viewers), within=10, what="streams")

    ending.twice(leaving)
    await eventually(lambda: is_not_ready(leaving), within=DRAIN_SECONDS, what="the drain")
    ending.twice(leaving)
    assert await leaving.exit_status(within=HURRIED_EXIT_SECONDS) in PEACEFUL
    await asyncio.gather(*watching)
    await cluster.check()


async def with_a_long_drain(replica: Replica) -> None:
    """Starts the replica anew for one life with a drain that outlasts the test."""
    if replica.is_alive:
        await replica.stop()
    usual = replica.environment
    replica.environment = {**usual, "DRAIN_SECONDS": str(LONG_DRAIN_SECONDS)}
    await replica.restart()
    replica.environment = usual


async def test_a_stop_that_waits_for_a_frozen_process_is_answered_when_its_own_ends(
    cluster: Cluster, user: Client, ending: Ending
) -> None:
    await cluster.revive()
    leaving, frozen_one = cluster.replicas
    conversation = await user.create(on=frozen_one.base_url)
    prompt = user.prompt()
    cluster.model.will_say(prompt, 10, hold=5)
    reply = await user.send_async(conversation, prompt, on=frozen_one.base_url)
    await cluster.model.holding(prompt)
    frozen_one.freeze()
    stopping = asyncio.create_task(user.stop(conversation, reply, on=leaving.base_url))
    await eventually(lambda: is_stop_requested(cluster, reply), within=5, what="the stop on its way")
    ending.once(leaving)
    answer = await stopping
    frozen_one.thaw()

    assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
    assert (await user.stop(conversation, reply, on=frozen_one.base_url)).json()["status"] == "stopped"
    assert await leaving.exit_status(within=EXIT_SECONDS) in PEACEFUL
    await cluster.check()


async def is_stop_requested(cluster: Cluster, reply: str) -> bool:
    async with await psycopg.AsyncConnection.connect(cluster.database_url) as connection:
        cursor = await connection.execute("select stop_requested from generations where message_id = %s", (reply,))
        return await cursor.fetchone() == (True,)


async def test_a_process_that_is_asked_to_end_before_it_is_ready_ends_in_peace(
    cluster: Cluster, ending: Ending
) -> None:
    """The signal arrives at several moments of the start."""
    await cluster.revive()
    starting = cluster.replicas[0]
    await starting.stop()
    for moment in (0.0, 0.5, 1.1, 1.9):
        starting.start()
        # An earlier signal is Python's, which may end with another status or forget that it was interrupted.
        await starting.handles_signals()
        # No condition to wait for: the moment is the fault.
        await asyncio.sleep(moment)
        ending.once(starting)
        assert await starting.exit_status(within=EXIT_SECONDS) in PEACEFUL
