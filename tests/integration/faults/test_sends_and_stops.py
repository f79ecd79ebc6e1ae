"""Sends that meet, repeats, stops and deletions, on two replicas: there is one reply, and everybody is told the same.

The numbers are those of the catalogue of faults, part C.
"""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
import pytest_asyncio

from tests.integration.embedded_postgres import EmbeddedPostgres
from tests.integration.faults.beginning import begin, finished
from tests.integration.faults.client import Client
from tests.integration.faults.cluster import Cluster
from tests.integration.faults.fresh_database import fresh_database
from tests.integration.faults.patience import read_to_the_end
from tests.integration.faults.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cluster(crash_server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    async with Cluster(await fresh_database(crash_server), tmp_path_factory.mktemp("sends-and-stops")) as cluster:
        yield cluster


@pytest.fixture
def user(cluster: Cluster) -> Client:
    return cluster.user(uuid4().hex[:8])


async def test_of_two_sends_at_once_one_is_taken_and_the_other_is_shown_to_it(cluster: Cluster, user: Client) -> None:
    for _ in range(10):
        conversation = await user.create(on=cluster.urls[0])
        prompts = [user.prompt(), user.prompt()]
        for prompt in prompts:
            cluster.model.will_say(prompt, 3, hold=1)
        answers = await asyncio.gather(
            *(
                user.send(conversation, prompt, on=on, key=uuid4().hex)
                for prompt, on in zip(prompts, cluster.urls, strict=True)
            )
        )
        taken, refused = sorted(answers, key=lambda answer: answer.status)
        assert (taken.status, refused.status) == (200, 409)
        assert refused.reply_id == taken.reply_id
        await taken.read(at_least=1)
    cluster.model.release_all()
    await cluster.check()


async def test_of_two_sends_at_once_with_one_key_there_is_one_reply(cluster: Cluster, user: Client) -> None:
    for _ in range(10):
        conversation = await user.create(on=cluster.urls[0])
        prompt, key = user.prompt(), uuid4().hex
        answers = await asyncio.gather(
            *(user.send(conversation, prompt, on=on, key=key) for on in (*cluster.urls, *cluster.urls))
        )
        assert [answer.status for answer in answers] == [200] * 4
        readings = await asyncio.gather(*(answer.read() for answer in answers))
        assert len({reading.reply_id for reading in readings}) == 1
        assert {reading.text for reading in readings} == {cluster.model.speech(prompt).text}
        assert len(cluster.model.calls(prompt)) == 1
    await cluster.check()


async def test_a_key_with_another_message_is_refused_and_stores_nothing(cluster: Cluster, user: Client) -> None:
    conversation = await user.create(on=cluster.urls[0])
    key = uuid4().hex
    await (await user.send(conversation, user.prompt(), on=cluster.urls[0], key=key)).read()
    for on in cluster.urls:
        answer = await user.send(conversation, user.prompt(), on=on, key=key)
        assert answer.status == 422
    await cluster.check()


async def test_a_repeat_attaches_to_its_own_reply_and_to_no_other(cluster: Cluster, user: Client) -> None:
    """The repeat comes while the reply is generated, and after further messages."""
    conversation = await user.create(on=cluster.urls[0])
    first, second, key = user.prompt("first"), user.prompt("second"), uuid4().hex
    cluster.model.will_say(first, 10, hold=5)
    reply = await user.send_async(conversation, first, on=cluster.urls[0], key=key)
    saying = await cluster.model.holding(first)
    repeats = [await user.send(conversation, first, on=on, key=key) for on in cluster.urls]
    reading = [asyncio.create_task(repeat.read()) for repeat in repeats]
    saying.release()
    await asyncio.gather(*reading)
    await (await user.send(conversation, second, on=cluster.urls[1], key=uuid4().hex)).read()
    repeats += [await user.send(conversation, first, on=on, key=key) for on in cluster.urls]
    await asyncio.gather(*(repeat.read() for repeat in repeats[2:]))

    assert {repeat.reply_id for repeat in repeats} == {reply}
    assert {repeat.stream.text for repeat in repeats} == {saying.speech.text}
    assert len(cluster.model.calls(first)) == 1
    await cluster.check()


@pytest.mark.parametrize("at", [0, 6])
@pytest.mark.parametrize("on", [0, 1])
async def test_a_stop_from_any_replica_ends_the_reply_once_and_the_call_of_the_model(
    cluster: Cluster, user: Client, at: int, on: int
) -> None:
    """The stop comes before the first token, and in the middle."""
    conversation, reply, saying = await begin(cluster, user, count=12, hold=at)
    text = "".join(saying.speech.tokens[:at])
    reader = user.follow(conversation, reply)
    reading = asyncio.create_task(read_to_the_end(reader, cluster.urls[::-1]))

    stopped = await user.stop(conversation, reply, on=cluster.urls[on])
    again = await user.stop(conversation, reply, on=cluster.urls[1 - on])

    assert (stopped.status_code, stopped.json()["status"], stopped.json()["content"]) == (200, "stopped", text)
    assert again.json() == stopped.json()
    await saying.over(within=2)
    await reading
    assert (reader.text, reader.reading.error) == (text, "stopped")
    await cluster.check()


async def test_a_stop_after_the_end_changes_nothing(cluster: Cluster, user: Client) -> None:
    conversation, reply, text = await finished(cluster, user)
    for on in cluster.urls:
        stopped = await user.stop(conversation, reply, on=on)
        assert (stopped.json()["status"], stopped.json()["content"]) == ("complete", text)
    await cluster.check()


@pytest.mark.parametrize("on", [0, 1])
async def test_a_deleted_conversation_stops_its_reply_and_nothing_reappears(
    cluster: Cluster, user: Client, on: int
) -> None:
    conversation, reply, saying = await begin(cluster, user, count=200, hold=100)
    readers = [user.follow(conversation, reply) for _ in cluster.urls]
    reading = [
        asyncio.create_task(read_to_the_end(reader, [url])) for reader, url in zip(readers, cluster.urls, strict=True)
    ]
    await eventually(lambda: all(reader.text for reader in readers), within=10, what="readers attached")

    assert await user.delete(conversation, on=cluster.urls[on]) == 204

    await saying.over(within=2)
    await asyncio.gather(*reading)
    for url in cluster.urls:
        assert (await user.call("GET", f"/{conversation}", on=url)).status_code == 404
        assert (await user.stop(conversation, reply, on=url)).status_code == 404
    await cluster.check()
