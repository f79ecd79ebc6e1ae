"""A title that the model makes comes after the reply, costs the reader nothing, and stays away if its process dies."""

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import pytest
import pytest_asyncio
from attrs import Factory, define

from tests.integration.embedded_postgres import EmbeddedPostgres
from tests.integration.faults.client import Client
from tests.integration.faults.cluster import Cluster
from tests.integration.faults.fresh_database import fresh_database
from tests.integration.faults.waiting import eventually
from tests.integration.inference_server import DONE, STREAM_HEAD, Call, chunk, hang, packets, stream, token

pytestmark = pytest.mark.asyncio(loop_scope="module")

KILLED, LEFT = range(2)
QUESTION = "How do you do?"


@define(eq=False)
class Namer:
    """A model that replies at once, and makes a title when it is released."""

    #: How many titles were asked for.
    asked: int = 0
    released: asyncio.Event = Factory(asyncio.Event)

    async def __call__(self, call: Call) -> None:
        """Answers one call; a request for a title shows the model the question and its own reply."""
        body = cast("dict[str, list[object]]", call.request.json())
        if len(body["messages"]) == 1:
            await stream(token("Good"), token(" day"), DONE)(call)
            return
        self.asked += 1
        await self.released.wait()
        # More would follow the title, but nobody waits for it.
        said = (token('"A friendly'), token(' greeting"'), token("\n"), token("It is"))
        await packets(STREAM_HEAD, *map(chunk, said), then=hang)(call)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cluster(crash_server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    folder = tmp_path_factory.mktemp("titles")
    settings = {"AUTO_TITLE": "model"}
    async with Cluster(await fresh_database(crash_server), folder, size=2, settings=settings) as cluster:
        yield cluster


def namer_of(cluster: Cluster) -> Namer:
    namer = Namer()
    cluster.inference.on("/generate", namer)
    return namer


async def title(user: Client, conversation: str, *, on: str) -> object:
    response = await user.call("GET", f"/{conversation}", on=on)
    return response.json()["title"]


async def test_a_title_comes_after_the_reply_and_is_no_reply(cluster: Cluster) -> None:
    namer, user = namer_of(cluster), cluster.user("titles")
    here, there = cluster.urls[LEFT], cluster.urls[KILLED]
    conversation = await user.create(on=here)

    answer = await user.send(conversation, QUESTION, on=here)
    assert (await answer.read()).text == "Good day"
    await eventually(lambda: namer.asked == 1, within=10, what="a request for a title")
    assert await title(user, conversation, on=there) == QUESTION

    leavers = cluster.inference.early_closes
    namer.released.set()

    async def is_named() -> bool:
        return await title(user, conversation, on=there) == "A friendly greeting"

    await eventually(is_named, within=10, what="the title of the model")
    await cluster.inference.until(lambda: cluster.inference.early_closes > leavers)
    assert await cluster.replicas[LEFT].figure("chatcore_generations_total") == 1
    assert await cluster.replicas[LEFT].figure("chatcore_first_token_seconds_count") == 1


async def test_a_process_that_dies_while_the_model_makes_a_title_leaves_the_question(cluster: Cluster) -> None:
    namer, user = namer_of(cluster), cluster.user("titles")
    here, there = cluster.urls[KILLED], cluster.urls[LEFT]
    conversation = await user.create(on=here)
    await (await user.send(conversation, QUESTION, on=here)).read()
    await eventually(lambda: namer.asked == 1, within=10, what="a request for a title")

    cluster.replicas[KILLED].kill()
    namer.released.set()

    assert await title(user, conversation, on=there) == QUESTION
