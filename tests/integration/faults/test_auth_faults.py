"""Tests what happens to running streams when the auth service changes its answers or its keys, or is down.

One replica revalidates tokens often. The numbers A1 to A7 are those of the catalogue of faults.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
import pytest_asyncio
from attrs import evolve

from tests.integration.embedded_postgres import EmbeddedPostgres
from tests.integration.faults.client import Answer, Client, Follower
from tests.integration.faults.cluster import INTERNAL_KEY, Cluster
from tests.integration.faults.fresh_database import fresh_database
from tests.integration.faults.model import Saying
from tests.integration.faults.patience import read_to_the_end
from tests.integration.faults.registrar import Registrar, black_hole, keyed
from tests.integration.faults.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

NEXT_KEY = "the-key-that-comes-after"

# A revoked token stays cached for the first, and streams revalidate after the second.
SETTINGS = {
    "AUTH_CACHE_TTL_SECONDS": "0.5",
    "STREAM_REVALIDATE_SECONDS": "0.2",
    "INTERNAL_API_KEY": f"{INTERNAL_KEY},{NEXT_KEY}",
}


@pytest.fixture(scope="module")
def registrar() -> Registrar:
    return Registrar()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cluster(
    crash_server: EmbeddedPostgres, registrar: Registrar, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Cluster]:
    folder = tmp_path_factory.mktemp("auth")
    async with Cluster(await fresh_database(crash_server), folder, size=1, settings=SETTINGS) as cluster:
        cluster.auth.on("/auth/validate", registrar)
        cluster.inference.on("/generate", keyed(cluster.model, registrar))
        yield cluster


class Watch:
    """Follows a reply from its first token on, and controls the model that generates it."""

    def __init__(self, cluster: Cluster) -> None:
        (self.on,) = cluster.urls
        self.user: Client = cluster.user(uuid4().hex[:8])
        self._cluster = cluster

    async def begin(self) -> None:
        """Sends a message; returns when the model pauses half-way and the reader has all of its text so far."""
        self.conversation = await self.user.create(on=self.on)
        prompt = self.user.prompt()
        speech = self._cluster.model.will_say(prompt, 20, hold=10)
        answer = await self.user.send(self.conversation, prompt, on=self.on)
        self.reading = answer.stream
        self.stream = asyncio.create_task(answer.read())
        self.saying: Saying = await self._cluster.model.holding(prompt)
        so_far = "".join(speech.tokens[:10])
        await eventually(lambda: self.reading.text == so_far, within=5, what="the reader having all text so far")

    async def until_told_to_reconnect(self) -> None:
        """Waits until the stream has ended although the reply has not."""
        async with asyncio.timeout(10):
            await self.stream
        assert self.reading.is_told_to_reconnect
        assert not self.reading.is_done

    async def read_on(self, user: Client) -> Follower:
        """Reads the rest of the reply with the token of `user`."""
        return await read_to_the_end(Follower.after(user, self.reading), [self.on])

    async def statuses(self, user: Client) -> list[object]:
        """Returns the statuses of the conversation's messages."""
        return [message["status"] for message in await user.open(self.conversation, on=self.on)]


async def test_a_stream_ends_with_its_token_and_resumes_with_another_token(
    cluster: Cluster, registrar: Registrar
) -> None:
    """Covers A5, A6 and A7: the token expires, is revoked, or becomes another user's."""
    expiring, revoked, changing = watches = [Watch(cluster) for _ in range(3)]
    # This leaves enough time to begin.
    registrar.expires_at[expiring.user.token] = time.time() + 3
    await asyncio.gather(*(watch.begin() for watch in watches))
    registrar.revoked.add(revoked.user.token)
    registrar.now_of[changing.user.token] = "somebody-else"

    await asyncio.gather(*(watch.until_told_to_reconnect() for watch in watches))

    assert time.time() >= registrar.expires_at[expiring.user.token]
    for watch, status in ((expiring, 401), (revoked, 401), (changing, 404)):
        refused = await watch.user.open_stream(watch.reading, on=watch.on, headers={})
        assert refused.status_code == status
        await refused.aclose()
        # The reply completes although nobody reads it.
        assert watch.saying.is_holding
        watch.saying.release()
        await watch.saying.over(within=5)
        again = evolve(watch.user, token=f"{watch.user.token}-again")
        registrar.now_of[again.token] = watch.user.user_id
        assert (await watch.read_on(again)).text == watch.saying.speech.text
        assert await watch.statuses(again) == ["complete", "complete"]


async def seconds_to_be_refused(user: Client, on: str) -> float:
    """Returns the seconds until the service answers that it cannot authenticate anybody."""
    began = time.monotonic()
    response = await user.call("GET", "", on=on)
    assert response.status_code == 503
    assert int(response.headers["retry-after"]) > 0
    assert "www-authenticate" not in response.headers
    return time.monotonic() - began


async def test_during_an_outage_new_callers_get_503_and_streams_continue(
    cluster: Cluster, registrar: Registrar
) -> None:
    """Covers A1 and A2: six callers find out within two seconds each, and later ones are refused at once."""
    watch = Watch(cluster)
    await watch.begin()
    registrar.trouble = black_hole
    found_out = await asyncio.gather(*(seconds_to_be_refused(new_user(cluster), watch.on) for _ in range(5)))
    # The failures of five tokens only raise a doubt, and the next caller waits for the probe of the service itself.
    found_out.append(await seconds_to_be_refused(new_user(cluster), watch.on))
    # The timeout is two seconds; the rest is a margin for a busy machine.
    assert max(found_out) < 4
    assert await seconds_to_be_refused(new_user(cluster), watch.on) < min(found_out) / 2
    registrar.trouble = None
    await cluster.auth.stop()
    await seconds_to_be_refused(new_user(cluster), watch.on)
    await cluster.auth.start()

    watch.saying.release()
    async with asyncio.timeout(10):
        await watch.stream
    assert watch.reading.text == watch.saying.speech.text
    assert watch.reading.is_done

    async def is_let_in() -> bool:
        return (await new_user(cluster).call("GET", "", on=watch.on)).is_success

    await eventually(is_let_in, within=5, what="new callers being let in")


async def test_the_internal_key_can_be_changed_while_users_send_messages(
    cluster: Cluster, registrar: Registrar
) -> None:
    (on,) = cluster.urls
    answers: list[Answer] = []
    registrar.keys = {INTERNAL_KEY}
    for number in range(12):
        if number == 6:
            registrar.keys = {NEXT_KEY}
        user = new_user(cluster)
        conversation = await user.create(on=on)
        answers.append(await user.send(conversation, user.prompt(), on=on))
        await answers[-1].read()

    assert [answer.status for answer in answers] == [200] * 12
    assert all(answer.stream.is_done and answer.stream.error is None for answer in answers)
    written = cluster.replicas[0].log_text()
    assert "the auth service takes another of our internal keys" in written
    assert "the inference service takes another of our internal keys" in written


def new_user(cluster: Cluster) -> Client:
    """Returns a user who has not been authenticated yet."""
    return cluster.user(uuid4().hex[:8])
