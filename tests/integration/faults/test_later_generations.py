"""A reply that its user continued, or that another replica took over, goes on after any fault that strikes it then.

Three replicas. The first begins replies and drains, the second is struck while it goes on with them, and the third
is left. The second also has replies that were stopped and that their user lets go on. Each reply is struck in two
places: before the first new token, and some tokens later.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import uuid4

import pytest
import pytest_asyncio
from attrs import Factory, define, frozen

from tests.integration.embedded_postgres import EmbeddedPostgres
from tests.integration.faults.client import Answer, Client, Follower
from tests.integration.faults.cluster import Cluster
from tests.integration.faults.fresh_database import fresh_database
from tests.integration.faults.model import Speech
from tests.integration.faults.patience import read_to_the_end
from tests.integration.faults.replica import PEACEFUL
from tests.integration.faults.reply_log import Log
from tests.integration.faults.shapes import SHAPES
from tests.integration.faults.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

LEAVING, STRUCK, LEFT = range(3)
# In tokens.
FIRST_PAUSE = 20
SECOND_PAUSES = (FIRST_PAUSE, 60)
_SETTINGS = {"INFERENCE_CAN_CONTINUE": "true", "DRAIN_SECONDS": "0"}


@define(eq=False)
class Reply:
    """A reply in its second generation."""

    conversation: str
    id: str
    prompt: str
    speech: Speech
    #: After how many tokens the second call pauses.
    pause: int
    is_continued: bool
    #: Whoever asked for it, and for the rest.
    answers: list[Answer]
    #: A reader on the replica that is left, until the end.
    follower: Follower

    @property
    def text(self) -> str:
        """Returns the text up to the second pause."""
        return self.log(self.pause).text

    def log(self, until: int | None = None) -> Log:
        """Returns the log once the second call has said so many tokens of the whole, or all of them.

        The model thinks again what it thought after the last text. What it said before is kept where its user lets the
        reply go on, and is dropped where another replica takes it over.
        """
        first = Log.of(self.speech.tokens[:FIRST_PAUSE])
        said = self.speech.said_before(first.text)
        kept = first if self.is_continued else Log.of(self.speech.tokens[:said])
        return kept + Log.of(self.speech.tokens[said:until])


@frozen
class Scene:
    """Three replicas over a database that may be pulled."""

    cluster: Cluster
    database: EmbeddedPostgres
    user: Client
    replies: list[Reply] = Factory(list)

    async def prepare(self) -> None:
        """Brings replies to the second pause, on the replica that is to be struck."""
        cluster, model = self.cluster, self.cluster.model
        await cluster.revive()
        left, leaving = cluster.replicas[LEFT], cluster.replicas[LEAVING]
        for shape in SHAPES:
            for pause in SECOND_PAUSES:
                self.replies.append(await self._begin(shape, pause, LEAVING))
                self.replies.append(await self._begin(shape, pause, STRUCK))
        # While it is frozen, the other one takes everything over.
        left.freeze()
        await leaving.stop()
        for reply in self.replies:
            if reply.is_continued:
                await self._go_on(reply)
            await model.holding(reply.prompt, 1)
        left.thaw()
        await left.serves_again()
        await asyncio.gather(*(self._read_so_far(reply) for reply in self.replies))

    async def _begin(self, shape: str, pause: int, on: int) -> Reply:
        cluster = self.cluster
        url = cluster.urls[on]
        conversation = await self.user.create(on=url)
        prompt = self.user.prompt()
        speech = SHAPES[shape](cluster.model, prompt, FIRST_PAUSE, pause)
        answer = await self.user.send(conversation, prompt, on=url)
        await cluster.model.holding(prompt)
        follower = self.user.follow(conversation, answer.reply_id)
        return Reply(conversation, answer.reply_id, prompt, speech, pause, on == STRUCK, [answer], follower)

    async def _go_on(self, reply: Reply) -> None:
        url = self.cluster.urls[STRUCK]
        assert (await self.user.stop(reply.conversation, reply.id, on=url)).json()["status"] == "stopped"
        message = (await self.user.open(reply.conversation, on=url))[-1]
        answer = await self.user.go_on(message, on=url)
        assert answer.status == 200, answer.response.text
        reply.answers.append(answer)

    async def _read_so_far(self, reply: Reply) -> None:
        if reply.is_continued:
            await reply.answers[1].read(at_least=len(reply.log(reply.pause)))
        await reply.answers[0].read(at_least=len(Log.of(reply.speech.tokens[:FIRST_PAUSE])))
        await reply.follower.connect(on=self.cluster.urls[LEFT], at_least=len(reply.log(reply.pause)))

    async def over(self) -> None:
        """Returns when no reply is made any more."""
        await eventually(self._is_over, within=30, what="the end of every reply")

    async def _is_over(self) -> bool:
        return not any([(await self.message(reply))["status"] == "streaming" for reply in self.replies])

    async def message(self, reply: Reply) -> dict[str, object]:
        """Returns the reply as it is shown."""
        return (await self.user.open(reply.conversation, on=self.cluster.urls[LEFT]))[-1]

    async def expect_complete(self) -> None:
        """Checks that every reply is whole, for those who read on and for those who come back."""
        on = [self.cluster.urls[LEFT]]
        for reply in self.replies:
            message = await self.message(reply)
            assert (message["status"], message["content"]) == ("complete", reply.speech.text)
            back = [Follower.after(self.user, answer.stream) for answer in reply.answers]
            for follower in (reply.follower, *back):
                await read_to_the_end(follower, on)
                assert follower.text == reply.speech.text

    def calls(self) -> set[tuple[bool, ...]]:
        """Returns, for the calls of the model in turn, whether each was given the beginning of its answer."""
        calls = self.cluster.model.calls
        return {tuple(call.is_continued for call in calls(reply.prompt)) for reply in self.replies}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cluster(crash_server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    folder = tmp_path_factory.mktemp("later-generations")
    database_url = await fresh_database(crash_server)
    async with Cluster(database_url, folder, size=3, settings=_SETTINGS, is_clean=False) as cluster:
        yield cluster


@pytest_asyncio.fixture(loop_scope="module")
async def scene(cluster: Cluster, crash_server: EmbeddedPostgres) -> Scene:
    scene = Scene(cluster, crash_server, cluster.user(uuid4().hex[:8]))
    await scene.prepare()
    return scene


async def kill(scene: Scene) -> None:
    scene.cluster.replicas[STRUCK].kill()
    await scene.cluster.let_leases_run_out()


async def freeze(scene: Scene) -> None:
    scene.cluster.replicas[STRUCK].freeze()
    await scene.cluster.let_leases_run_out()


async def drain(scene: Scene) -> None:
    scene.cluster.replicas[STRUCK].terminate()
    assert await scene.cluster.replicas[STRUCK].exit_status(within=30) in PEACEFUL


@pytest.mark.parametrize("strike", [kill, freeze, drain])
async def test_another_replica_finishes_the_reply(scene: Scene, strike: Callable[[Scene], Awaitable[None]]) -> None:
    struck = scene.cluster.replicas[STRUCK]

    await strike(scene)
    await scene.over()

    await scene.expect_complete()
    assert scene.calls() == {(False, True, True)}
    if struck.is_frozen:
        struck.thaw()
        await struck.serves_again()
        await asyncio.gather(*(scene.cluster.model.calls(reply.prompt)[1].over(within=20) for reply in scene.replies))
        await scene.expect_complete()
    await scene.cluster.check()


async def test_a_restart_of_the_database_in_the_meantime_goes_unnoticed(scene: Scene) -> None:
    await asyncio.to_thread(scene.database.stop, "immediate")
    second_calls = [scene.cluster.model.calls(reply.prompt)[1] for reply in scene.replies]
    for call in second_calls:
        call.release()
    await asyncio.gather(*(call.over(within=10) for call in second_calls))
    await asyncio.to_thread(scene.database.start)
    await scene.cluster.replicas[LEFT].serves_again()
    await scene.over()

    await scene.expect_complete()
    assert scene.calls() == {(False, True)}
    await scene.cluster.check()


async def test_after_a_restart_of_the_inference_service_the_user_lets_the_reply_go_on(scene: Scene) -> None:
    await scene.cluster.inference.stop()
    await scene.over()
    await scene.cluster.inference.start()

    for reply in scene.replies:
        message = await scene.message(reply)
        # A continuation that adds nothing leaves the reply as it was.
        is_as_before = reply.is_continued and reply.pause == FIRST_PAUSE
        assert (message["status"], message["content"]) == ("stopped" if is_as_before else "interrupted", reply.text)
        assert message["token_count"] == reply.speech.texts(reply.pause)
        reply.answers.append(await scene.user.go_on(message, on=scene.cluster.urls[LEFT]))
    await asyncio.gather(*(reply.answers[-1].read() for reply in scene.replies))

    await scene.expect_complete()
    await scene.cluster.check()
