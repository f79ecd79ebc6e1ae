"""A reader comes back with any offset to any replica, and has every character once.

Two replicas; the numbers are those of the catalogue of faults, part C.
"""

import asyncio
from collections.abc import AsyncIterator
from itertools import cycle, islice
from uuid import uuid4

import pytest
import pytest_asyncio

from tests.integration.embedded_postgres import EmbeddedPostgres
from tests.integration.faults.beginning import begin, finished
from tests.integration.faults.client import Client, Follower
from tests.integration.faults.cluster import Cluster
from tests.integration.faults.fresh_database import fresh_database
from tests.integration.faults.patience import read_to_the_end
from tests.integration.faults.reply_log import Log

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cluster(crash_server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    async with Cluster(await fresh_database(crash_server), tmp_path_factory.mktemp("resuming")) as cluster:
        yield cluster


@pytest.fixture
def user(cluster: Cluster) -> Client:
    return cluster.user(uuid4().hex[:8])


async def test_a_reader_gets_the_exact_rest_at_every_offset_on_the_other_replica(
    cluster: Cluster, user: Client
) -> None:
    """The reply is read while it is generated, and after its end."""
    conversation, reply, saying = await begin(cluster, user, count=16, hold=8)
    so_far = "".join(saying.speech.tokens[:8])

    def resumed(offset: int) -> Follower:
        follower = user.follow(conversation, reply)
        follower.reading.log, follower.last_id = Log.of([so_far[:offset]]), str(offset)
        return follower

    live = [resumed(offset) for offset in range(len(so_far))]
    await asyncio.gather(*(reader.connect(on=cluster.urls[1], at_least=len(so_far)) for reader in live))
    assert {reader.text for reader in live} == {so_far}

    saying.release()
    await asyncio.gather(*(read_to_the_end(reader, cluster.urls[::-1]) for reader in live))
    late = [resumed(offset) for offset in range(len(so_far) + 1)]
    await asyncio.gather(*(reader.connect(on=cluster.urls[1]) for reader in late))

    assert {reader.text for reader in (*live, *late)} == {saying.speech.text}
    assert all(reader.is_finished for reader in late)
    await cluster.check()


async def test_fifty_reconnects_between_two_replicas_neither_lose_nor_repeat_anything(
    cluster: Cluster, user: Client
) -> None:
    conversation = await user.create(on=cluster.urls[0])
    prompt = user.prompt()
    speech = cluster.model.will_say(prompt, 500, every=0.02)
    reply = await user.send_async(conversation, prompt, on=cluster.urls[0])
    follower = user.follow(conversation, reply)
    for on in islice(cycle(cluster.urls), 50):
        if not follower.is_finished:
            await follower.connect(on=on, at_least=len(follower.text) + 1)
    await read_to_the_end(follower, cluster.urls)

    assert follower.text == speech.text
    # On a loaded machine fewer than fifty find room in the ten seconds of the reply.
    assert len(follower.statuses) >= 20
    await cluster.check()


async def test_a_reader_that_has_everything_is_told_not_to_come_back(cluster: Cluster, user: Client) -> None:
    conversation, reply, text = await finished(cluster, user)
    for on in cluster.urls:
        follower = user.follow(conversation, reply)
        follower.reading.log, follower.last_id = Log.of([text]), str(len(text))
        await follower.connect(on=on)
        assert follower.statuses == [204]
    await cluster.check()


async def test_a_reader_that_has_all_of_a_stopped_reply_is_told_so_until_it_says_that_it_knows(
    cluster: Cluster, user: Client
) -> None:
    conversation, reply, saying = await begin(cluster, user, count=12, hold=6)
    text = "".join(saying.speech.tokens[:6])
    await user.stop(conversation, reply, on=cluster.urls[0])
    path = f"/{conversation}/messages/{reply}/stream"
    for on in cluster.urls:
        for _ in range(2):
            follower = user.follow(conversation, reply)
            follower.reading.log, follower.last_id = Log.of([text]), str(len(text))
            await follower.connect(on=on)
            assert (follower.statuses, follower.reading.error) == ([200], "stopped")
        knowing = await user.call("GET", path, on=on, headers={"last-event-id": f"{len(text)}-end"})
        assert knowing.status_code == 204
    await cluster.check()


@pytest.mark.parametrize(
    "event_id",
    [
        "1-",
        "1-e",
        "1-END",
        "1-end-end",
        "-end",
        "1-end2",
        "1-1",
        "-1",
        "abc",
        "1e3",
        "0x1",
        "1.0",
        "+1",
        "9" * 10_000,
        "18446744073709551616",
        "1 2",
        "1, 2",
    ],
)
async def test_a_malformed_event_id_is_refused(cluster: Cluster, user: Client, event_id: str) -> None:
    conversation, reply, _ = await finished(cluster, user)
    path = f"/{conversation}/messages/{reply}/stream"
    response = await user.call("GET", path, on=cluster.urls[1], headers={"last-event-id": event_id})
    assert response.status_code == 400


async def test_an_event_id_beyond_the_end_is_told_how_much_there_is(cluster: Cluster, user: Client) -> None:
    conversation, reply, text = await finished(cluster, user)
    for on in cluster.urls:
        follower = user.follow(conversation, reply)
        follower.reading.log, follower.last_id = Log.of([text + "what never was"]), str(len(text) + 14)
        await follower.connect(on=on)
        assert follower.reading.rewinds == [len(text)]
        assert follower.reading.is_done
    await cluster.check()


async def test_a_reply_of_another_conversation_or_user_is_not_there(cluster: Cluster, user: Client) -> None:
    conversation, reply, _ = await finished(cluster, user)
    other_conversation, _, _ = await finished(cluster, user)
    stranger = cluster.user("stranger")
    for on in cluster.urls:
        elsewhere = await user.call("GET", f"/{other_conversation}/messages/{reply}/stream", on=on)
        foreign = await stranger.call("GET", f"/{conversation}/messages/{reply}/stream", on=on)
        assert (elsewhere.status_code, foreign.status_code) == (404, 404)
    await cluster.check()


async def test_the_header_wins_over_the_query(cluster: Cluster, user: Client) -> None:
    conversation, reply, text = await finished(cluster, user)
    path = f"/{conversation}/messages/{reply}/stream?offset=0"
    response = await user.call("GET", path, on=cluster.urls[1], headers={"last-event-id": str(len(text))})
    assert response.status_code == 204
