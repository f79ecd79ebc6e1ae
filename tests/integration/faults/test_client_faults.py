"""Whatever a client does with its connection, the reply is made once, kept, and read by anybody from anywhere.

Two replicas; the numbers are those of the catalogue of faults, part C.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from itertools import cycle, islice
from uuid import uuid4

import pytest
import pytest_asyncio

from tests.integration.embedded_postgres import EmbeddedPostgres
from tests.integration.faults.client import Client, Follower
from tests.integration.faults.cluster import Cluster
from tests.integration.faults.fresh_database import fresh_database
from tests.integration.faults.model import Saying
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


async def begin(cluster: Cluster, user: Client, *, count: int, hold: int | None = None) -> tuple[str, str, Saying]:
    """A reply that the first replica makes, come to where it holds: its conversation, its id, the model's side."""
    conversation = await user.create(on=cluster.urls[0])
    prompt = user.prompt()
    cluster.model.will_say(prompt, count, hold=hold)
    reply = await user.send_async(conversation, prompt, on=cluster.urls[0])
    saying = await (cluster.model.asked(prompt) if hold is None else cluster.model.holding(prompt))
    return conversation, reply, saying


async def finished(cluster: Cluster, user: Client, *, count: int = 5) -> tuple[str, str, str]:
    """A reply that is complete: its conversation, its id, its text."""
    conversation, reply, _ = await begin(cluster, user, count=count)
    follower = await read_to_the_end(user.follow(conversation, reply), cluster.urls)
    return conversation, reply, follower.text


async def test_a_caller_that_leaves_right_after_its_request_finds_the_message_stored_once(
    cluster: Cluster, user: Client
) -> None:
    """C1."""
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
    """C1."""
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
    """C2."""
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


async def test_a_reader_gets_the_exact_rest_at_every_offset_on_the_other_replica(
    cluster: Cluster, user: Client
) -> None:
    """C3, C5: live, and after the end."""
    conversation, reply, saying = await begin(cluster, user, count=16, hold=8)
    so_far = "".join(saying.speech.tokens[:8])

    def resumed(offset: int) -> Follower:
        follower = user.follow(conversation, reply)
        follower.reading.text, follower.last_id = so_far[:offset], offset
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
    """C4."""
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
    """C5."""
    conversation, reply, text = await finished(cluster, user)
    for on in cluster.urls:
        follower = user.follow(conversation, reply)
        follower.reading.text, follower.last_id = text, len(text)
        await follower.connect(on=on)
        assert follower.statuses == [204]
    await cluster.check()


@pytest.mark.parametrize(
    "event_id", ["-1", "abc", "1e3", "0x1", "1.0", "+1", "9" * 10_000, "18446744073709551616", "1 2", "1, 2"]
)
async def test_a_malformed_event_id_is_refused(cluster: Cluster, user: Client, event_id: str) -> None:
    """C6."""
    conversation, reply, _ = await finished(cluster, user)
    path = f"/{conversation}/messages/{reply}/stream"
    response = await user.call("GET", path, on=cluster.urls[1], headers={"last-event-id": event_id})
    assert response.status_code == 400


async def test_an_event_id_beyond_the_end_is_told_how_much_there_is(cluster: Cluster, user: Client) -> None:
    """C6."""
    conversation, reply, text = await finished(cluster, user)
    for on in cluster.urls:
        follower = user.follow(conversation, reply)
        follower.reading.text, follower.last_id = text + "what never was", len(text) + 14
        await follower.connect(on=on)
        assert follower.reading.rewinds == [len(text)]
        assert follower.reading.is_done
    await cluster.check()


async def test_a_reply_of_another_conversation_or_user_is_not_there(cluster: Cluster, user: Client) -> None:
    """C6."""
    conversation, reply, _ = await finished(cluster, user)
    other_conversation, _, _ = await finished(cluster, user)
    stranger = cluster.user("stranger")
    for on in cluster.urls:
        elsewhere = await user.call("GET", f"/{other_conversation}/messages/{reply}/stream", on=on)
        foreign = await stranger.call("GET", f"/{conversation}/messages/{reply}/stream", on=on)
        assert (elsewhere.status_code, foreign.status_code) == (404, 404)
    await cluster.check()


async def test_the_header_wins_over_the_query(cluster: Cluster, user: Client) -> None:
    """C7."""
    conversation, reply, text = await finished(cluster, user)
    path = f"/{conversation}/messages/{reply}/stream?offset=0"
    response = await user.call("GET", path, on=cluster.urls[1], headers={"last-event-id": str(len(text))})
    assert response.status_code == 204


async def test_a_reader_of_one_byte_a_second_is_cut_off_and_costs_the_reply_nothing(
    cluster: Cluster, user: Client
) -> None:
    """C8."""
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
    """Whether a replica counts that many open streams."""
    return await cluster.replicas[on].figure("chatcore_open_streams") == number


async def test_a_reader_that_stops_reading_is_cut_off_and_can_come_back(cluster: Cluster, user: Client) -> None:
    """C9."""
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
    """C10."""
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
    """C11."""
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


async def test_of_two_sends_at_once_one_is_taken_and_the_other_is_shown_to_it(cluster: Cluster, user: Client) -> None:
    """C12."""
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
    """C13."""
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
    """C14."""
    conversation = await user.create(on=cluster.urls[0])
    key = uuid4().hex
    await (await user.send(conversation, user.prompt(), on=cluster.urls[0], key=key)).read()
    for on in cluster.urls:
        answer = await user.send(conversation, user.prompt(), on=on, key=key)
        assert answer.status == 422
    await cluster.check()


async def test_a_repeat_attaches_to_its_own_reply_and_to_no_other(cluster: Cluster, user: Client) -> None:
    """C15: while it is made, and when the conversation has gone on."""
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
    """C16: before the first token, and in the middle."""
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
    """C16."""
    conversation, reply, text = await finished(cluster, user)
    for on in cluster.urls:
        stopped = await user.stop(conversation, reply, on=on)
        assert (stopped.json()["status"], stopped.json()["content"]) == ("complete", text)
    await cluster.check()


@pytest.mark.parametrize("on", [0, 1])
async def test_a_deleted_conversation_stops_its_reply_and_nothing_reappears(
    cluster: Cluster, user: Client, on: int
) -> None:
    """C17."""
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
