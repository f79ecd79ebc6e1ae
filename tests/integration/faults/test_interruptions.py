"""Requests that stop a running reply, on two replicas: the reply keeps its text, and one reply runs."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
import pytest_asyncio

from tests.integration.embedded_postgres import EmbeddedPostgres
from tests.integration.faults.beginning import begin
from tests.integration.faults.client import Client
from tests.integration.faults.cluster import Cluster
from tests.integration.faults.fresh_database import fresh_database
from tests.integration.faults.patience import read_to_the_end
from tests.integration.faults.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cluster(crash_server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    async with Cluster(await fresh_database(crash_server), tmp_path_factory.mktemp("interruptions")) as cluster:
        yield cluster


@pytest.fixture
def user(cluster: Cluster) -> Client:
    return cluster.user(uuid4().hex[:8])


@pytest.mark.parametrize("on", [0, 1])
async def test_a_message_on_any_replica_stops_the_reply_and_follows_it(cluster: Cluster, user: Client, on: int) -> None:
    conversation, reply, saying = await begin(cluster, user, count=12, hold=6)
    readers = [user.follow(conversation, reply) for _ in cluster.urls]
    reading = [
        asyncio.create_task(read_to_the_end(reader, [url])) for reader, url in zip(readers, cluster.urls, strict=True)
    ]
    prompt = user.prompt()

    answer = await user.send(conversation, prompt, on=cluster.urls[on], key=uuid4().hex, on_busy="interrupt")

    assert (await answer.read()).text == cluster.model.speech(prompt).text
    await saying.over(within=2)
    await asyncio.gather(*reading)
    text = "".join(saying.speech.tokens[:6])
    assert [(reader.text, reader.reading.error) for reader in readers] == [(text, "stopped")] * 2
    messages = await user.open(conversation, on=cluster.urls[on])
    assert [message["status"] for message in messages] == ["complete", "stopped", "complete", "complete"]
    await cluster.check()


@pytest.mark.parametrize("on", [0, 1])
async def test_a_regeneration_on_any_replica_stops_the_reply_and_replaces_it(
    cluster: Cluster, user: Client, on: int
) -> None:
    conversation, reply, saying = await begin(cluster, user, count=12, hold=6)
    reader = user.follow(conversation, reply)
    reading = asyncio.create_task(read_to_the_end(reader, [cluster.urls[0]]))

    answer = await user.regenerate(conversation, on=cluster.urls[on], on_busy="interrupt")

    await saying.over(within=2)
    await reading
    assert (reader.text, reader.reading.error) == ("".join(saying.speech.tokens[:6]), "stopped")
    calls = cluster.model.calls
    await eventually(lambda: len(calls(saying.prompt)) == 2, within=10, what="the second call of the model")
    calls(saying.prompt)[1].release()
    assert (await answer.read()).text == saying.speech.text
    messages = await user.open(conversation, on=cluster.urls[on])
    assert [(message["id"], message["status"]) for message in messages[1:]] == [(answer.reply_id, "complete")]
    await cluster.check()


async def test_a_repeat_with_the_key_does_not_stop_its_own_reply(cluster: Cluster, user: Client) -> None:
    conversation, _, _ = await begin(cluster, user, count=12, hold=6)
    prompt, key = user.prompt(), uuid4().hex
    cluster.model.will_say(prompt, 10, hold=5)

    answers = [
        await user.send(conversation, prompt, on=on, key=key, on_busy="interrupt")
        for on in (*cluster.urls, *cluster.urls)
    ]

    (await cluster.model.holding(prompt)).release()
    readings = await asyncio.gather(*(answer.read() for answer in answers))
    assert {reading.reply_id for reading in readings} == {answers[0].reply_id}
    assert {reading.text for reading in readings} == {cluster.model.speech(prompt).text}
    await cluster.check()


async def test_of_two_at_once_both_are_stored_and_one_reply_runs(cluster: Cluster, user: Client) -> None:
    for _ in range(5):
        conversation, _, _ = await begin(cluster, user, count=12, hold=6)
        prompts = [user.prompt(), user.prompt()]
        for prompt in prompts:
            cluster.model.will_say(prompt, 3, hold=1)

        answers = await asyncio.gather(
            *(
                user.send(conversation, prompt, on=on, on_busy="interrupt")
                for prompt, on in zip(prompts, cluster.urls, strict=True)
            )
        )

        assert [answer.status for answer in answers] == [200, 200]
        messages = await user.open(conversation, on=cluster.urls[0])
        assert {message["content"] for message in messages[2::2]} == set(prompts)
        assert [message["status"] for message in messages[1::2]] == ["stopped", "stopped", "streaming"]
        cluster.model.release_all()
    await cluster.check()


async def test_a_frozen_owner_is_fenced_off(cluster: Cluster, user: Client) -> None:
    owner, other = cluster.replicas
    conversation, reply, saying = await begin(cluster, user, count=12, hold=6)
    text = "".join(saying.speech.tokens[:6])
    reader = user.follow(conversation, reply)
    reading = asyncio.create_task(read_to_the_end(reader, [other.base_url]))
    await eventually(lambda: reader.text == text, within=10, what="the text of a checkpoint")
    prompt = user.prompt()

    owner.freeze()
    answer = await user.send(conversation, prompt, on=other.base_url, on_busy="interrupt")

    assert (await answer.read()).text == cluster.model.speech(prompt).text
    await reading
    assert (reader.text, reader.reading.error) == (text, "stopped")
    before = await user.open(conversation, on=other.base_url)
    owner.thaw()
    await owner.serves_again()
    await saying.over(within=10)
    assert await user.open(conversation, on=owner.base_url) == before
    await cluster.check()
