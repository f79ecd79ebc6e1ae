"""Whatever a client does with its connection, the reply is made once, kept, and read by anybody from anywhere.

Two replicas; the numbers are those of the catalogue of faults, part C.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from itertools import cycle
from uuid import uuid4

import pytest
import pytest_asyncio

from tests.integration.embedded_postgres import EmbeddedPostgres
from tests.integration.faults.beginning import begin, finished
from tests.integration.faults.client import Client
from tests.integration.faults.cluster import Cluster
from tests.integration.faults.fresh_database import fresh_database
from tests.integration.faults.patience import read_to_the_end
from tests.integration.faults.raw_connection import RawConnection, http_request
from tests.integration.faults.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

WRITE_TIMEOUT_SECONDS = 3.0
# So much that no kernel's buffers hold it: what is not read is felt.
BULK = "🙂" * 1000


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cluster(crash_server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    settings = {"STREAM_WRITE_TIMEOUT_SECONDS": str(WRITE_TIMEOUT_SECONDS)}
    folder = tmp_path_factory.mktemp("client-faults")
    async with Cluster(await fresh_database(crash_server), folder, settings=settings) as cluster:
        yield cluster


@pytest.fixture
def user(cluster: Cluster) -> Client:
    return cluster.user(uuid4().hex[:8])


async def test_a_caller_that_leaves_right_after_its_request_finds_the_message_stored_once(
    cluster: Cluster, user: Client
) -> None:
    conversation = await user.create(on=cluster.urls[0])
    prompt, key = user.prompt(), uuid4().hex
    user.note(conversation, prompt, key)
    path = f"/{conversation}/messages"
    async with await RawConnection.open(cluster.urls[0]) as connection:
        await connection.send(http_request(user, "POST", path, {"content": prompt}, idempotency_key=key))
        connection.close()
        await connection.writer.wait_closed()

    first = await user.send_async(conversation, prompt, on=cluster.urls[1], key=key)
    again = await user.send_async(conversation, prompt, on=cluster.urls[0], key=key)

    assert first == again
    await read_to_the_end(user.follow(conversation, first), cluster.urls)
    await cluster.check()


async def test_a_reply_whose_caller_left_before_the_first_token_is_made_and_found_by_its_key(
    cluster: Cluster, user: Client
) -> None:
    conversation = await user.create(on=cluster.urls[0])
    prompt, key = user.prompt(), uuid4().hex
    cluster.model.will_say(prompt, 20, hold=0)
    user.note(conversation, prompt, key)
    path = f"/{conversation}/messages"
    async with await RawConnection.open(cluster.urls[0]) as connection:
        await connection.send(http_request(user, "POST", path, {"content": prompt}, idempotency_key=key))
        saying = await cluster.model.holding(prompt)
        connection.close()
        await connection.writer.wait_closed()

    reply = await user.send_async(conversation, prompt, on=cluster.urls[1], key=key)
    saying.release()

    follower = await read_to_the_end(user.follow(conversation, reply), cluster.urls)
    assert follower.text == saying.speech.text
    assert len(cluster.model.calls(prompt)) == 1
    await cluster.check()


async def test_a_reset_in_mid_stream_changes_nothing_for_the_reply(cluster: Cluster, user: Client) -> None:
    conversation = await user.create(on=cluster.urls[0])
    prompt = user.prompt()
    user.note(conversation, prompt)
    speech = cluster.model.will_say(prompt, 40, hold=20)
    async with await RawConnection.open(cluster.urls[0]) as connection:
        await connection.send(http_request(user, "POST", f"/{conversation}/messages", {"content": prompt}))
        await connection.until(b"\n\n")
        saying = await cluster.model.holding(prompt)
        connection.reset()
    saying.release()

    await eventually(lambda: saying.is_complete, within=10, what="the model's last word")
    await cluster.check()

    messages = await user.open(conversation, on=cluster.urls[1])
    assert (messages[-1]["content"], messages[-1]["status"]) == (speech.text, "complete")


async def test_a_reader_of_one_byte_a_second_is_cut_off_and_costs_the_reply_nothing(
    cluster: Cluster, user: Client
) -> None:
    conversation = await user.create(on=cluster.urls[0])
    prompt = user.prompt()
    user.note(conversation, prompt)
    cluster.model.will_say(prompt, 1000, every=0.001, padding=BULK)
    async with await RawConnection.open(cluster.urls[0], receive_buffer=4096) as slow:
        await slow.send(http_request(user, "POST", f"/{conversation}/messages", {"content": prompt}))
        dripping = asyncio.create_task(drip(slow))

        # Others are served meanwhile, and the reply is made at its own pace.
        await asyncio.wait_for(finished(cluster, cluster.user("bystander")), 5)
        saying = await cluster.model.asked(prompt)
        await eventually(lambda: saying.is_complete, within=20, what="the model's last word")
        await eventually(lambda: has_streams(cluster, 0, on=0), within=WRITE_TIMEOUT_SECONDS + 4, what="the cut")
        dripping.cancel()
    await cluster.check()

    messages = await user.open(conversation, on=cluster.urls[1])
    assert messages[-1]["status"] == "complete"


async def drip(connection: RawConnection) -> None:
    """Reads a byte a second. What the kernels hold lasts for hours, so the end of it is not seen here."""
    with suppress(ConnectionError):
        while await connection.reader.read(1):  # noqa: ASYNC110 - the pace is the point, nothing is waited for
            await asyncio.sleep(1)


async def has_streams(cluster: Cluster, number: int, *, on: int) -> bool:
    """Returns whether a replica counts that many open streams."""
    return await cluster.replicas[on].figure("chatcore_open_streams") == number


async def test_a_reader_that_stops_reading_is_cut_off_and_can_come_back(cluster: Cluster, user: Client) -> None:
    conversation = await user.create(on=cluster.urls[0])
    prompt = user.prompt()
    speech = cluster.model.will_say(prompt, 500, every=0.001, padding=BULK)
    reply = await user.send_async(conversation, prompt, on=cluster.urls[0])
    await read_to_the_end(user.follow(conversation, reply), cluster.urls)
    async with await RawConnection.open(cluster.urls[1], receive_buffer=4096) as stalled:
        await stalled.send(http_request(user, "GET", f"/{conversation}/messages/{reply}/stream"))
        await eventually(lambda: has_streams(cluster, 1, on=1), within=5, what="the stream open")
        await eventually(lambda: has_streams(cluster, 0, on=1), within=WRITE_TIMEOUT_SECONDS + 4, what="the cut")

    follower = await read_to_the_end(user.follow(conversation, reply), cluster.urls[1:])
    assert follower.text == speech.text
    await cluster.check()


async def test_a_caller_that_closes_its_half_changes_nothing_for_the_reply(cluster: Cluster, user: Client) -> None:
    conversation = await user.create(on=cluster.urls[0])
    prompt = user.prompt()
    user.note(conversation, prompt)
    speech = cluster.model.will_say(prompt, 10, hold=0)
    async with await RawConnection.open(cluster.urls[0]) as connection:
        await connection.send(http_request(user, "POST", f"/{conversation}/messages", {"content": prompt}))
        saying = await cluster.model.holding(prompt)
        connection.half_close()
        saying.release()
        await cluster.check()

    messages = await user.open(conversation, on=cluster.urls[0])
    assert (messages[-1]["content"], messages[-1]["status"]) == (speech.text, "complete")


async def test_twenty_tabs_on_one_reply_see_the_same_and_cost_one_call_of_the_model(
    cluster: Cluster, user: Client
) -> None:
    conversation, reply, saying = await begin(cluster, user, count=60, hold=5)
    tabs = [user.follow(conversation, reply) for _ in range(20)]
    reading = [
        asyncio.create_task(read_to_the_end(tab, [on])) for tab, on in zip(tabs, cycle(cluster.urls), strict=False)
    ]
    await eventually(lambda: all(tab.text for tab in tabs), within=10, what="every tab attached")
    saying.release()
    await asyncio.gather(*reading)

    assert {tab.text for tab in tabs} == {saying.speech.text}
    assert len(cluster.model.calls(saying.prompt)) == 1
    await cluster.check()


async def test_a_post_stream_is_byte_for_byte_what_the_model_sent(cluster: Cluster, user: Client) -> None:
    conversation = await user.create(on=cluster.urls[0])
    prompt = user.prompt()
    speech = cluster.model.will_say(prompt, 50)
    sent = await (await user.send(conversation, prompt, on=cluster.urls[0])).read()
    again = await (await user.regenerate(conversation, on=cluster.urls[1])).read()

    assert bytes(sent.raw) == bytes(again.raw) == speech.raw
    await cluster.check()


async def test_a_reply_asked_for_without_waiting_is_made_and_followed_anywhere(cluster: Cluster, user: Client) -> None:
    conversation, reply, _ = await begin(cluster, user, count=30)
    follower = await read_to_the_end(user.follow(conversation, reply), cluster.urls[::-1])
    answer = await user.regenerate(conversation, on=cluster.urls[1], headers={"prefer": "respond-async"})
    assert answer.status == 202
    assert answer.response.json()["assistant_message"]["id"] == answer.reply_id != reply
    second = await read_to_the_end(user.follow(conversation, answer.reply_id), cluster.urls)

    assert second.text == follower.text
    await cluster.check()
