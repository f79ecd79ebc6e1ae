"""A reader that was shown more than was stored comes back when the reply has grown past that, and drops what was lost.

The model says some words to the first replica that it never says again, and they are not stored. Readers that were
shown them come back while the reply grows on another replica, and after its end.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from uuid import uuid4

import psycopg
import pytest
import pytest_asyncio
from attrs import define, evolve

from tests.integration.embedded_postgres import EmbeddedPostgres
from tests.integration.faults.client import Answer, Client, Follower
from tests.integration.faults.cluster import Cluster
from tests.integration.faults.database.locks import no_checkpoints
from tests.integration.faults.fresh_database import fresh_database
from tests.integration.faults.model import Speech
from tests.integration.faults.patience import read_to_the_end
from tests.integration.faults.reply_log import Log
from tests.integration.faults.shapes import SHAPES
from tests.integration.faults.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

# In tokens.
STORED, PAUSE = 20, 60
SLIPS = ("this ", "was ", "never ", "stored ")
_SETTINGS = {"INFERENCE_CAN_CONTINUE": "true", "DRAIN_SECONDS": "0"}


@define(eq=False)
class Lost:
    """A reply of which some text was shown and lost."""

    conversation: str
    id: str
    prompt: str
    speech: Speech
    answer: Answer

    @property
    def stored(self) -> Log:
        """Returns what survived."""
        return Log.of(self.speech.tokens[:STORED])

    @property
    def end_of_text(self) -> int:
        """Returns where the last text that survived ends: there another replica goes on."""
        return len(Log.of(self.speech.tokens[: self._said]))

    @property
    def _said(self) -> int:
        return self.speech.said_before(self.stored.text)

    def log(self, cut: int, until: int | None = None) -> Log:
        """Returns the log once the second call, which began at a cut, has said so many tokens of the whole, or all."""
        said = self._said if cut else 0
        return self.stored.until(cut) + Log.of(self.speech.tokens[said:until])


@define(eq=False)
class Scene:
    """Three replicas, of which the first begins all replies."""

    cluster: Cluster
    user: Client

    @property
    def others(self) -> list[str]:
        """Returns the addresses of the replicas that are left."""
        return self.cluster.urls[1:]

    async def show(self, shape: str) -> Lost:
        """Returns a reply whose caller was shown text that is not stored."""
        cluster, url = self.cluster, self.cluster.urls[0]
        conversation = await self.user.create(on=url)
        prompt = self.user.prompt()
        speech = cluster.model.arrange(prompt, evolve(SHAPES[shape](cluster.model, prompt, STORED, PAUSE), slips=SLIPS))
        answer = await self.user.send(conversation, prompt, on=url)
        lost = Lost(conversation, answer.reply_id, prompt, speech, answer)
        await cluster.model.holding(prompt)
        await eventually(lambda: self._is_stored(lost), within=10, what="a checkpoint")
        return lost

    async def _is_stored(self, lost: Lost) -> bool:
        async with await psycopg.AsyncConnection.connect(self.cluster.database_url) as connection:
            cursor = await connection.execute(
                "select coalesce((select string_agg(text, '' order by start_offset) from deltas where message_id = %s),"
                " ''), coalesce((select json_agg(json_build_array(position, text_offset, kind, body) order by position)"
                " from pieces where message_id = %s), '[]')",
                (lost.id, lost.id),
            )
            row = await cursor.fetchone()
            assert row is not None
            return Log.stored(*row) == lost.stored

    async def lose(self, lost: list[Lost], *, freeze: bool = False) -> None:
        """Strikes the owner when it has shown what it has not stored."""
        owner = self.cluster.replicas[0]
        async with no_checkpoints(self.cluster):
            for reply in lost:
                self.cluster.model.calls(reply.prompt)[0].release()
            await asyncio.gather(*(reply.answer.read(at_least=len(reply.stored + Log.of(SLIPS))) for reply in lost))
            if freeze:
                owner.freeze()
            else:
                owner.kill()

    async def come_back(self, lost: Lost, *, cut: int, on: list[str]) -> None:
        """Lets readers come back while the reply grows, and to read on to the end."""
        await self.cluster.model.holding(lost.prompt, 1)
        grown = lost.log(cut, PAUSE)
        early = [self._returning(lost) for _ in on]
        await asyncio.gather(
            *(reader.connect(on=url, at_least=len(grown)) for reader, url in zip(early, on, strict=True))
        )
        assert [reader.reading.log for reader in early] == [grown] * len(early)
        self.cluster.model.calls(lost.prompt)[1].release()
        await asyncio.gather(*(read_to_the_end(reader, on) for reader in early))
        late = [self._returning(lost) for _ in on]
        await asyncio.gather(*(read_to_the_end(reader, [url]) for reader, url in zip(late, on, strict=True)))
        for reader in (*early, *late):
            assert reader.reading.log == lost.log(cut)
            assert reader.reading.rewinds == [cut]

    def _returning(self, lost: Lost) -> Follower:
        shown = self.user.follow(lost.conversation, lost.id)
        shown.reading.log = lost.answer.stream.log
        return Follower.after(self.user, shown.reading)


async def start(server: EmbeddedPostgres, factory: pytest.TempPathFactory, settings: Mapping[str, str]) -> Cluster:
    folder = factory.mktemp("returning-readers")
    return Cluster(await fresh_database(server), folder, size=3, settings={**_SETTINGS, **settings}, is_clean=False)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cluster(crash_server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    async with await start(crash_server, tmp_path_factory, {}) as cluster:
        yield cluster


@pytest_asyncio.fixture(loop_scope="module")
async def scene(cluster: Cluster) -> Scene:
    await cluster.revive()
    return Scene(cluster, cluster.user(uuid4().hex[:8]))


async def test_after_a_crash_and_a_takeover(scene: Scene) -> None:
    lost = [await scene.show(shape) for shape in SHAPES]
    await scene.lose(lost)
    await scene.cluster.let_leases_run_out()

    for reply in lost:
        await scene.come_back(reply, cut=reply.end_of_text, on=scene.others)
    await scene.cluster.check()


async def test_when_the_owner_thaws_after_a_takeover(scene: Scene) -> None:
    lost = [await scene.show(shape) for shape in SHAPES]
    staying = [scene.user.follow(reply.conversation, reply.id) for reply in lost]
    reading = [asyncio.create_task(reader.connect(on=scene.cluster.urls[0])) for reader in staying]
    await eventually(lambda: all(reader.reading.log for reader in staying), within=5, what="readers on the owner")
    await scene.lose(lost, freeze=True)
    await scene.cluster.let_leases_run_out()
    for reply in lost:
        await scene.cluster.model.holding(reply.prompt, 1)
    owner = scene.cluster.replicas[0]
    owner.thaw()
    await owner.serves_again()

    for reply in lost:
        await scene.come_back(reply, cut=reply.end_of_text, on=scene.cluster.urls)
        await scene.cluster.model.calls(reply.prompt)[0].over(within=10)
    await asyncio.gather(*reading)
    for reply, reader in zip(lost, staying, strict=True):
        await read_to_the_end(reader, scene.cluster.urls)
        assert (reader.reading.log, reader.reading.rewinds) == (reply.log(reply.end_of_text), [reply.end_of_text])
    await scene.cluster.check()


async def test_after_a_crash_and_a_continuation_by_the_user(scene: Scene) -> None:
    lost = [await scene.show(shape) for shape in SHAPES]
    await scene.lose(lost)
    stops = [asyncio.create_task(scene.user.stop(reply.conversation, reply.id, on=scene.others[0])) for reply in lost]
    await eventually(lambda: are_stops_requested(scene, len(lost)), within=5, what="stops")
    await scene.cluster.let_leases_run_out()
    await asyncio.gather(*stops)

    for reply in lost:
        message = (await scene.user.open(reply.conversation, on=scene.others[1]))[-1]
        assert (message["status"], message["content"]) == ("stopped", reply.stored.text)
        assert (await scene.user.go_on(message, on=scene.others[1])).status == 200
        await scene.come_back(reply, cut=len(reply.stored), on=scene.others)
    await scene.cluster.check()


async def are_stops_requested(scene: Scene, count: int) -> bool:
    async with await psycopg.AsyncConnection.connect(scene.cluster.database_url) as connection:
        cursor = await connection.execute("select count(*) from generations where stop_requested")
        return await cursor.fetchone() == (count,)


async def test_after_a_crash_and_a_restart_from_nothing(
    crash_server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory
) -> None:
    async with await start(crash_server, tmp_path_factory, {"RESCUE": "restart"}) as cluster:
        scene = Scene(cluster, cluster.user("restart"))
        lost = [await scene.show(shape) for shape in SHAPES]
        await scene.lose(lost)
        await cluster.let_leases_run_out()

        for reply in lost:
            await scene.come_back(reply, cut=0, on=scene.others)
            # Nor is anything kept by a reader that was shown no more than was stored.
            reader = scene.user.follow(reply.conversation, reply.id)
            reader.reading.log, reader.last_id = reply.stored.until(5), "5"
            await read_to_the_end(reader, scene.others)
            assert (reader.reading.log, reader.reading.rewinds) == (reply.log(0), [0])
            assert [call.is_continued for call in cluster.model.calls(reply.prompt)] == [False, False]
        await cluster.check()
