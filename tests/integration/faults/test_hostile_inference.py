"""Whatever the inference service sends, a reply comes to a known end, and is the same for everybody.

What it sends is staged on the wire and read through the whole service; the numbers are those of the catalogue of
faults, part I. The same against the adapter alone, with more variants: tests/integration/adapters/chatcore_inference.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
import pytest_asyncio
from attrs import frozen

from tests.integration.embedded_postgres import EmbeddedPostgres
from tests.integration.faults.client import Client
from tests.integration.faults.cluster import Cluster
from tests.integration.faults.fresh_database import fresh_database
from tests.integration.faults.model import Speech
from tests.integration.faults.patience import read_to_the_end
from tests.integration.inference_server import (
    DONE,
    LAST_CHUNK,
    STREAM_HEAD,
    Call,
    Script,
    chunk,
    close,
    hang,
    in_turn,
    packets,
    reset,
    token,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cluster(crash_server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    settings = {"INFERENCE_FIRST_FRAME_TIMEOUT_SECONDS": "2", "INFERENCE_IDLE_TIMEOUT_SECONDS": "2"}
    folder = tmp_path_factory.mktemp("hostile-inference")
    async with Cluster(await fresh_database(crash_server), folder, size=1, settings=settings) as cluster:
        yield cluster


@pytest.fixture
def user(cluster: Cluster) -> Client:
    return cluster.user(uuid4().hex[:8])


@frozen
class Heard:
    """What became of a reply."""

    #: As it went to whoever sent the message.
    raw: bytes
    #: As the resume stream tells it, and how it says that the reply ended.
    text: str
    error: str | None
    #: As it is stored.
    status: object


async def hear(cluster: Cluster, user: Client, prompt: str) -> Heard:
    """Sends `prompt`, and looks at the reply from every side."""
    [url] = cluster.urls
    conversation = await user.create(on=url)
    answering = await user.send(conversation, prompt, on=url)
    raw = b"".join([part async for part in answering.response.aiter_raw()])
    follower = await read_to_the_end(user.follow(conversation, answering.reply_id), [url])
    shown = (await user.open(conversation, on=url))[1:]
    assert [message["content"] for message in shown] == [follower.text] * len(shown)
    return Heard(raw, follower.text, follower.reading.error, shown[0]["status"])


async def hear_frames(cluster: Cluster, user: Client, text: str, *frames: bytes, then: Script = close) -> Heard:
    """Returns what a reader gets of a reply with `text` in these frames; no closing frame is added."""
    prompt = user.prompt()
    speech = Speech(tokens=(text,), frames=frames, closing=(LAST_CHUNK,) if then is close else (), then=then)
    cluster.model.arrange(prompt, speech)
    return await hear(cluster, user, prompt)


def drip(part: bytes) -> Script:
    async def script(call: Call) -> None:
        while True:
            await call.send(part)
            await asyncio.sleep(0.05)

    return script


@pytest.mark.parametrize("part", [b": still here\n\n", b"x", b"\n"], ids=["comments", "single bytes", "blank lines"])
async def test_a_drip_of_nothing_is_a_silence(cluster: Cluster, user: Client, part: bytes) -> None:
    heard = await hear_frames(cluster, user, "a", token("a"), then=drip(chunk(part)))

    assert heard.raw.startswith(token("a"))
    assert (heard.text, heard.error, heard.status) == ("a", "inference_timeout", "interrupted")
    await cluster.check()


async def test_a_reply_that_never_ends_is_ended_at_a_mebibyte_of_text(cluster: Cluster, user: Client) -> None:
    piece = "é" * 65_536
    heard = await hear_frames(cluster, user, piece * 20, *[token(piece)] * 20, then=hang)

    assert heard.text == piece * 16
    assert (heard.error, heard.status) == ("inference_error", "interrupted")
    await cluster.check()


@pytest.mark.parametrize(
    ("part", "times"),
    [(b"x" * 65_536, 1024), (b"data: " + b"x" * 1017 + b"\n", 8 * 1024)],
    ids=["a line of 64 MiB", "an event of 8 MiB"],
)
async def test_an_event_without_end_is_refused_and_the_text_before_it_kept(
    cluster: Cluster, user: Client, part: bytes, times: int
) -> None:

    async def flood(call: Call) -> None:
        for _ in range(times):
            await call.send(chunk(part))

    heard = await hear_frames(cluster, user, "a", token("a"), then=flood)

    assert (heard.text, heard.error, heard.status) == ("a", "inference_error", "interrupted")
    assert len(heard.raw) < 1000
    await cluster.check()


async def test_every_form_of_event_is_passed_on_and_read(cluster: Cluster, user: Client) -> None:
    frames = (
        b'\xef\xbb\xbfdata: {"token":"bom "}\n\n',
        b": a comment\r\nretry: 5\r\nunknown: x\r\n\r\n",
        b'event: x\rid: 7\rdata:{"token":"cr "}\r\r',
        b'data: {"token":\r\ndata: "crlf, in lines "}\r\n\r\n',
        b"data\n\n",
        b"\n\r\n",
        b'data: {"token":"mixed"}\r\n\n',
        b'\xef\xbb\xbfdata: {"token":"no mark any more"}\n\n',
        DONE,
    )
    text = "bom cr crlf, in lines mixed"
    heard = await hear_frames(cluster, user, text, *frames)

    assert heard.raw == b"".join(frames)
    assert (heard.text, heard.error, heard.status) == (text, None, "complete")
    await cluster.check()


async def test_bytes_that_are_no_utf_8_are_replaced_as_every_browser_does(cluster: Cluster, user: Client) -> None:
    """The frames are passed on unchanged; the stored text is the one that a browser shows."""
    spellings = (b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf0\x9f\x92", b"\xf4\x90\x80\x80", b"\xe2\x82")
    frames = [b'data: {"token":"<%b>"}\n\n' % spelling for spelling in spellings]
    text = "".join(f"<{spelling.decode(errors='replace')}>" for spelling in spellings)
    heard = await hear_frames(cluster, user, text, *frames, DONE)

    assert heard.raw == b"".join(frames) + DONE
    assert (heard.text, heard.status) == (text, "complete")
    await cluster.check()


SHAPES = (
    b"{",
    b"[DONE]",
    b"null",
    b"5",
    b'"token"',
    b"[]",
    b"{}",
    b'{"token":null}',
    b'{"token":5}',
    b'{"token":["a"]}',
    b'{"token":{"token":"a"}}',
    b'{"token":""}',
    b'{"TOKEN":"a"}',
    b'{"choices":[]}',
    b'{"choices":null}',
    b'{"choices":[{"delta":null}]}',
    b'{"choices":[{"delta":{"content":"a"}},{"delta":{"content":"b"}}]}',
    b'{"usage":{"total_tokens":5}}',
    b'{"error":null}',
    b'{"done":"true"}',
    b'{"done":1}',
    b'{"done":false}',
    b'{"token":"a"',
    b'{"token":NaN}',
    b'{"n":' + b"9" * 5000 + b"}",
    b"[" * 5000,
)


@pytest.mark.parametrize("has_end", [True, False], ids=["closed", "broken off"])
async def test_data_of_any_other_shape_is_passed_on_and_says_nothing(
    cluster: Cluster, user: Client, *, has_end: bool
) -> None:
    """Only a string is a token, and only `true` is the end."""
    frames = [b"data: " + shape + b"\n\n" for shape in SHAPES]
    sent = [*frames, token("only this"), *frames, *([DONE] if has_end else [])]
    heard = await hear_frames(cluster, user, "only this", *sent)

    assert heard.raw.startswith(b"".join(sent))
    assert heard.text == "only this"
    if has_end:
        assert (heard.error, heard.status) == (None, "complete")
    else:
        assert (heard.error, heard.status) == ("inference_interrupted", "interrupted")
    await cluster.check()


@pytest.mark.parametrize("end", [(DONE,), ()], ids=["closed", "broken off"])
@pytest.mark.parametrize(
    "error", [b'{"error":"overloaded"}', b'{"error":{"message":"overloaded","code":503}, "done":true}']
)
@pytest.mark.parametrize("text", ["", "half"])
async def test_an_error_of_the_model_is_passed_on_and_makes_no_complete_reply(
    cluster: Cluster, user: Client, text: str, error: bytes, end: tuple[bytes, ...]
) -> None:
    sent = [*([token(text)] if text else []), b"data: " + error + b"\n\n"]
    heard = await hear_frames(cluster, user, text, *sent, *end)

    assert heard.raw.startswith(b"".join(sent) + b'data: {"error":"inference_error",')
    assert heard.raw.endswith(b"\n\n" + DONE)
    assert (heard.text, heard.error, heard.status) == (text, "inference_error", "interrupted" if text else "failed")
    await cluster.check()


MAX_FRAME_BYTES = 256 * 1024


def frame_of(size: int, key: str) -> bytes:
    """Returns a frame of so many bytes with a string under one key."""
    rest = len(b'data: {"":""}\n\n') + len(key)
    return b'data: {"%b":"%b"}\n\n' % (key.encode(), b"z" * (size - rest))


@pytest.mark.parametrize("size", [64 * 1024 + 1, 128 * 1024, 128 * 1024 + 1, MAX_FRAME_BYTES])
async def test_frames_as_large_as_permitted_reach_a_reader_who_reads(cluster: Cluster, user: Client, size: int) -> None:
    with_text, without_text = frame_of(size, "token"), frame_of(size, "usage")
    frames = (token("a"), without_text, with_text, without_text, without_text, with_text, token("b"), DONE)
    text = "".join(str(json.loads(frame.removeprefix(b"data: ")).get("token", "")) for frame in frames)
    heard = await hear_frames(cluster, user, text, *frames)

    assert heard.raw == b"".join(frames)
    assert (heard.text, heard.error, heard.status) == (text, None, "complete")
    await cluster.check()


_REFUSED = {
    "redirect": b"HTTP/1.1 302 Found\r\nLocation: %b/latest/meta-data\r\nContent-Length: 0\r\n\r\n",
    "redirect that keeps the method": b"HTTP/1.1 307 Go\r\nLocation: %b/latest/meta-data\r\nContent-Length: 0\r\n\r\n",
    "redirect to nowhere": b"HTTP/1.1 301 Moved\r\nContent-Length: 0\r\n\r\n",
    "no content": b"HTTP/1.1 204 No Content\r\n\r\n",
    "gzip, a bomb or not": STREAM_HEAD.replace(b"Cache-Control: no-cache", b"Content-Encoding: gzip"),
    "html": STREAM_HEAD.replace(b"text/event-stream", b"text/html"),
    "no type": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    "100 KB of headers": STREAM_HEAD[:-2] + b"X: y\r\n" * 17_000 + b"\r\n",
    "one header of 100 KB": STREAM_HEAD[:-2] + b"X: " + b"y" * 100_000 + b"\r\n\r\n",
    "interim responses for ever": b"HTTP/1.1 103 Early Hints\r\n\r\n" * 4000,
    "another protocol": b"HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
    "no HTTP": b"SSH-2.0-OpenSSH_9\r\n",
}


async def test_what_is_no_event_stream_is_refused(cluster: Cluster, user: Client) -> None:
    """`test_inference_streams` shows that an event stream over HTTP/1.0 is accepted."""
    location = cluster.auth.base_url.encode()
    prompts = {kind: user.prompt(kind) for kind in _REFUSED}
    for kind, prompt in prompts.items():
        head = _REFUSED[kind].replace(b"%b", location)
        cluster.model.arrange(prompt, Speech(tokens=(), head=head, frames=(token("a"),), then=close))

    heard = await asyncio.gather(*(hear(cluster, user, prompt) for prompt in prompts.values()))

    told = {kind: (each.text, each.error, each.status) for kind, each in zip(prompts, heard, strict=True)}
    assert told == dict.fromkeys(_REFUSED, ("", "inference_error", "failed"))
    assert [len(cluster.model.calls(prompt)) for prompt in prompts.values()] == [1] * len(prompts)
    assert cluster.auth.calls("/latest/meta-data") == 0
    await cluster.check()


@pytest.mark.parametrize("end", [close, reset], ids=["FIN", "RST"])
async def test_a_request_that_died_unanswered_is_answered_once(cluster: Cluster, user: Client, end: Script) -> None:
    """A connection that was used before broke before the first byte of this response."""
    await hear(cluster, user, user.prompt())  # So that there is such a connection.
    prompt = user.prompt()
    calls = cluster.inference.calls("/generate")
    cluster.inference.on("/generate", in_turn(end, cluster.model))

    heard = await hear(cluster, user, prompt)
    cluster.inference.on("/generate", cluster.model)

    speech = cluster.model.speech(prompt)
    assert cluster.inference.calls("/generate") == calls + 2
    assert (heard.raw, heard.text, heard.status) == (speech.raw, speech.text, "complete")
    await cluster.check()


@pytest.mark.parametrize(
    "parts",
    [(b"HTTP/1.1 2",), (STREAM_HEAD,), (STREAM_HEAD, chunk(token("half")))],
    ids=["in the head", "after the head", "after a token"],
)
async def test_a_reply_that_died_half_way_is_not_asked_for_again(
    cluster: Cluster, user: Client, parts: tuple[bytes, ...]
) -> None:
    """The service had begun its reply, and another call could give another text."""
    await hear(cluster, user, user.prompt())
    calls = cluster.inference.calls("/generate")
    cluster.inference.on("/generate", in_turn(packets(*parts, then=close), cluster.model))

    prompt, text = user.prompt(), "half" if len(parts) == 2 else ""
    cluster.model.arrange(prompt, Speech(tokens=(text,)))
    heard = await hear(cluster, user, prompt)
    cluster.inference.on("/generate", cluster.model)

    assert cluster.inference.calls("/generate") == calls + 1
    assert (heard.text, heard.error) == (text, "inference_interrupted")
    assert heard.status == ("interrupted" if text else "failed")
    await cluster.check()
