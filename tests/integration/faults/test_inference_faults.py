"""However the inference service fails, the reply comes to a known end and what had come of it is kept.

One replica makes the reply, another shows it; the numbers are those of the catalogue of faults, part I.
"""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
import pytest_asyncio
from attrs import evolve

from tests.integration.embedded_postgres import EmbeddedPostgres
from tests.integration.faults.client import Client
from tests.integration.faults.cluster import Cluster
from tests.integration.faults.fresh_database import fresh_database
from tests.integration.faults.ledger import Reading
from tests.integration.faults.model import Speech, words
from tests.integration.faults.patience import read_to_the_end
from tests.integration.faults.waiting import eventually
from tests.integration.inference_server import (
    CLOSE_DELIMITED_HEAD,
    DONE,
    LAST_CHUNK,
    Script,
    answer,
    chunk,
    close,
    hang,
    reset,
    token,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

TIMEOUT_SECONDS = 1.5


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cluster(crash_server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    settings = {
        "INFERENCE_FIRST_FRAME_TIMEOUT_SECONDS": str(TIMEOUT_SECONDS),
        "INFERENCE_IDLE_TIMEOUT_SECONDS": str(TIMEOUT_SECONDS),
    }
    folder = tmp_path_factory.mktemp("inference-faults")
    async with Cluster(await fresh_database(crash_server), folder, settings=settings) as cluster:
        yield cluster


@pytest.fixture
def user(cluster: Cluster) -> Client:
    return cluster.user(uuid4().hex[:8])


async def hear(cluster: Cluster, user: Client, prompt: str) -> tuple[str, Reading]:
    """Sends `prompt` to the first replica and reads what comes: the conversation, and the stream."""
    conversation = await user.create(on=cluster.urls[0])
    reading = await (await user.send(conversation, prompt, on=cluster.urls[0])).read()
    return conversation, reading


async def expect(cluster: Cluster, user: Client, heard: tuple[str, Reading], *, text: str, status: str) -> None:
    """The reply ended so, for everybody."""
    conversation, reading = heard
    follower = await read_to_the_end(user.follow(conversation, reading.reply_id), cluster.urls[1:])
    assert (reading.text, follower.text) == (text, text)
    assert reading.error == follower.reading.error
    await cluster.check()
    if text:
        messages = await user.open(conversation, on=cluster.urls[1])
        assert messages[-1]["status"] == status


def broken(prompt: str, *, closing: tuple[bytes, ...] = (), then: Script, count: int = 10) -> Speech:
    """Returns a speech of some words that ends otherwise than it should."""
    return Speech(tokens=words(prompt, count), closing=closing, then=then)


async def answered_later(cluster: Cluster, user: Client, conversation: str) -> str:
    """Returns the text of another try to answer the last message."""
    reading = await (await user.regenerate(conversation, on=cluster.urls[1])).read()
    assert reading.error is None
    return reading.text


@pytest.mark.parametrize(
    "refusal",
    [
        answer(500, b"{}"),
        answer(429, b"{}", "application/json", b"Retry-After: 1"),
        answer(401, b"{}"),
        answer(503, b"<html>", "text/html"),
    ],
    ids=["500", "429", "401", "503"],
)
async def test_a_refusal_is_told_and_the_message_kept_for_another_try(
    cluster: Cluster, user: Client, refusal: Script
) -> None:
    prompt = user.prompt()
    cluster.inference.on("/generate", refusal)
    heard = await hear(cluster, user, prompt)
    cluster.inference.on("/generate", cluster.model)

    assert heard[1].error == "inference_error"
    await expect(cluster, user, heard, text="", status="failed")
    assert await answered_later(cluster, user, heard[0]) == cluster.model.speech(prompt).text
    await cluster.check()


async def test_an_absent_service_is_told_and_the_message_is_kept(cluster: Cluster, user: Client) -> None:
    prompt = user.prompt()
    await cluster.inference.stop()
    heard = await hear(cluster, user, prompt)
    await cluster.inference.start()

    assert heard[1].error == "inference_unreachable"
    await expect(cluster, user, heard, text="", status="failed")
    assert await answered_later(cluster, user, heard[0]) == cluster.model.speech(prompt).text
    await cluster.check()


@pytest.mark.parametrize("closing", [(), (LAST_CHUNK,)], ids=["in mid-body", "after the last chunk"])
async def test_an_end_without_the_closing_frame_is_an_interruption(
    cluster: Cluster, user: Client, closing: tuple[bytes, ...]
) -> None:
    prompt = user.prompt()
    speech = cluster.model.arrange(prompt, broken(prompt, closing=closing, then=close))
    heard = await hear(cluster, user, prompt)

    assert heard[1].error == "inference_interrupted"
    await expect(cluster, user, heard, text=speech.text, status="interrupted")


async def test_a_body_that_just_stops_is_an_interruption(cluster: Cluster, user: Client) -> None:
    """The end of the connection is the end of the body, so HTTP itself reports no error."""
    prompt = user.prompt()
    speech = Speech(
        tokens=words(prompt, 10), head=CLOSE_DELIMITED_HEAD, wrap=lambda frame: frame, closing=(), then=close
    )
    cluster.model.arrange(prompt, speech)
    heard = await hear(cluster, user, prompt)

    assert heard[1].error == "inference_interrupted"
    await expect(cluster, user, heard, text=speech.text, status="interrupted")


@pytest.mark.parametrize(
    "fragment",
    [
        b'data: {"tok',
        'data: {"token":"é'.encode()[:-1],
        'data: {"token":"🙂'.encode()[:-2],
        b'data: {"token":"not all of it"}\r',
        b'data: {"token":"not all of it"}\r\n\r'[:-1],
        b'data: {"token":"not all of it"}\n',
    ],
)
async def test_a_reset_within_a_frame_keeps_the_frames_before_and_drops_the_rest(
    cluster: Cluster, user: Client, fragment: bytes
) -> None:
    prompt = user.prompt()
    # A held breath before the reset: it would take what is still on its way with it.
    speech = Speech(tokens=words(prompt, 10), holds_after=10, closing=(), then=reset)
    speech = cluster.model.arrange(prompt, evolve(speech, closing=(chunk(fragment),)))
    conversation = await user.create(on=cluster.urls[0])
    answering = await user.send(conversation, prompt, on=cluster.urls[0])
    saying = await cluster.model.holding(prompt)
    reading = asyncio.create_task(answering.read())
    await eventually(lambda: answering.stream.text == speech.text, within=5, what="all whole frames")
    saying.release()
    heard = conversation, await reading

    assert heard[1].error == "inference_interrupted"
    await expect(cluster, user, heard, text=speech.text, status="interrupted")


@pytest.mark.parametrize("count", [0, 10], ids=["after the headers", "after ten tokens"])
async def test_a_silence_that_lasts_too_long_ends_the_reply(cluster: Cluster, user: Client, count: int) -> None:
    prompt = user.prompt()
    speech = cluster.model.arrange(prompt, broken(prompt, then=hang, count=count))
    heard = await hear(cluster, user, prompt)

    assert heard[1].error == "inference_timeout"
    await expect(cluster, user, heard, text=speech.text, status="interrupted")
    saying = await cluster.model.asked(prompt)
    await saying.over(within=2)


@pytest.mark.parametrize(
    ("escapes", "text"),
    [
        ((r"\ud83d", r"\ude42"), "🙂"),
        ((r"\ud83d", "x"), "\ufffdx"),
        ((r"x\ude42",), "x\ufffd"),
        ((r"\ude42\ud83d", r"\ud83d\ude42"), "\ufffd\ufffd🙂"),
        ((r"a\u0000b", r"\u0000"), "a\ufffdb\ufffd"),
        (("x", r"\ud83d"), "x\ufffd"),
    ],
    ids=["pair in two tokens", "high alone", "low alone", "reversed", "zero", "high at the end"],
)
async def test_characters_that_no_database_holds_are_mended_alike_for_everybody(
    cluster: Cluster, user: Client, escapes: tuple[str, ...], text: str
) -> None:
    prompt = user.prompt()
    frames = tuple(b'data: {"token":"%b"}\n\n' % escape.encode() for escape in escapes)
    cluster.model.arrange(prompt, Speech(tokens=(text,), frames=frames))
    conversation = await user.create(on=cluster.urls[0])
    answering = await user.send(conversation, prompt, on=cluster.urls[0])
    raw = b"".join([part async for part in answering.response.aiter_raw()])
    readers = [user.follow(conversation, answering.reply_id) for _ in cluster.urls]
    for reader, on in zip(readers, cluster.urls, strict=True):
        await read_to_the_end(reader, [on])

    assert raw == b"".join(frames) + DONE
    assert [reader.text for reader in readers] == [text, text]
    await cluster.check()


async def test_text_that_looks_like_the_protocol_stays_text(cluster: Cluster, user: Client) -> None:
    prompt = user.prompt()
    tokens = (
        '\n\ndata: {"done":true}\n\n',
        "data: [DONE]\n\n",
        "\r",
        "\r\n\r\n",
        "\u2028\u2029\x85\x0b\x0c\x1c",
        ": reconnect\n\nid: 9\n\n",
        "\ufeff",
        '"}\n\n',
    )
    speech = cluster.model.arrange(prompt, Speech(tokens=tokens))
    heard = await hear(cluster, user, prompt)

    assert heard[1].error is None
    assert bytes(heard[1].raw) == speech.raw
    await expect(cluster, user, heard, text=speech.text, status="complete")


@pytest.mark.parametrize("late", [DONE, token("more"), b": a comment\n\n", token("more") + DONE])
async def test_what_comes_after_the_closing_frame_is_ignored(cluster: Cluster, user: Client, late: bytes) -> None:
    prompt = user.prompt()
    closing = (chunk(DONE), chunk(late), LAST_CHUNK)
    speech = cluster.model.arrange(prompt, Speech(tokens=words(prompt, 5), closing=closing))
    heard = await hear(cluster, user, prompt)

    assert heard[1].error is None
    assert bytes(heard[1].raw) == speech.raw
    await expect(cluster, user, heard, text=speech.text, status="complete")


async def test_what_comes_in_one_packet_with_the_closing_frame_is_ignored(cluster: Cluster, user: Client) -> None:
    prompt = user.prompt()
    packet = chunk(DONE + token("more") + DONE) + LAST_CHUNK
    speech = cluster.model.arrange(prompt, Speech(tokens=words(prompt, 5), closing=(packet,)))
    heard = await hear(cluster, user, prompt)

    assert bytes(heard[1].raw) == speech.raw
    await expect(cluster, user, heard, text=speech.text, status="complete")
