"""Tests services that send too much and clients that ask too much at once, at full scale over real sockets."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.integration.adapters.chatcore_auth import auth_server
from tests.integration.adapters.chatcore_auth.auth_server import serving
from tests.integration.adapters.chatcore_inference.inference_requests import REQUEST, failure_of, text_of
from tests.integration.inference_server import (
    DONE,
    LAST_CHUNK,
    STREAM_HEAD,
    Call,
    InferenceServer,
    Script,
    chunk,
    hang,
    packets,
    token,
)

from chatcore.errors import InferenceRefusedError, InferenceTimeoutError
from chatcore.ports import Frame
from chatcore.system_clock import SystemClock
from chatcore_auth import AuthClient
from chatcore_inference import InferenceClient, InferenceLimits, InferenceTimeouts

MEBIBYTE = 1024 * 1024


@pytest.fixture
async def client(server: InferenceServer) -> AsyncIterator[InferenceClient]:
    async with InferenceClient(server.base_url, "secret-key") as client:
        yield client


class Flood:
    """Sends the same bytes repeatedly and counts how many were taken."""

    def __init__(self, part: bytes, *, times: int) -> None:
        self._part = chunk(part)
        self._times = times
        self.taken_bytes = 0

    async def __call__(self, call: Call) -> None:
        await call.send(STREAM_HEAD)
        for _ in range(self._times):
            await call.send(self._part)
            self.taken_bytes += len(self._part)
        await hang(call)


async def test_a_million_tokens_are_cut_at_the_permitted_length(
    client: InferenceClient, server: InferenceServer
) -> None:
    server.on("/generate", Flood(b'data: {"token":"four"}\n\n' * 4000, times=250))
    length = 0

    def count(frame: Frame) -> None:
        nonlocal length
        length += len(frame.token or "")

    with pytest.raises(InferenceRefusedError):
        await client.generate(REQUEST, count)

    assert length == MEBIBYTE
    await server.until(lambda: server.open_connections == 0)


@pytest.mark.parametrize(
    ("part", "times"),
    [(b"x" * MEBIBYTE, 64), (b"data: " + b"x" * 1017 + b"\n", 8 * 1024), (b"\n" * MEBIBYTE, 64)],
    ids=["a line of 64 MiB", "an event of 8 MiB", "64 MiB of blank lines"],
)
async def test_what_never_becomes_a_token_is_cut_off_long_before_its_end(
    client: InferenceClient, server: InferenceServer, part: bytes, times: int
) -> None:
    flood = Flood(part, times=times)
    server.on("/generate", flood)

    _, error = await failure_of(client)
    await server.until(lambda: server.open_connections == 0)

    assert type(error) is InferenceRefusedError
    assert flood.taken_bytes < 16 * MEBIBYTE  # Some 256 KiB are read; what else was taken stayed in the sockets.


@pytest.mark.parametrize("excess", [0, 1])
async def test_an_event_may_have_256_kibibytes_and_no_more(
    client: InferenceClient, server: InferenceServer, excess: int
) -> None:
    size = 256 * 1024 + excess
    event = b": " + b"x" * (size - 4) + b"\n\n"
    server.on("/generate", packets(STREAM_HEAD, chunk(event[:1000]), chunk(event[1000:] + DONE) + LAST_CHUNK))

    if excess:
        assert type((await failure_of(client))[1]) is InferenceRefusedError
    else:
        assert await text_of(client) == ""


@pytest.mark.parametrize("excess", [0, 1])
async def test_a_head_may_have_16_kibibytes_and_no_more(
    client: InferenceClient, server: InferenceServer, excess: int
) -> None:
    room = 16 * 1024 + excess - len(STREAM_HEAD) - len(b"X: \r\n")
    head = STREAM_HEAD.replace(b"\r\n\r\n", b"\r\nX: " + b"x" * room + b"\r\n\r\n")
    server.on("/generate", packets(head, chunk(token("a")), chunk(DONE) + LAST_CHUNK))

    if excess:
        assert type((await failure_of(client))[1]) is InferenceRefusedError
    else:
        assert await text_of(client) == "a"


async def test_more_replies_than_connections_wait_in_line_and_keep_no_user_out(server: InferenceServer) -> None:
    """A caller that waits too long gets an error; authentication meanwhile does not wait at all."""
    may_end = asyncio.Event()
    server.on("/generate", _held_until(may_end))
    limits = InferenceLimits(max_connections=100)
    timeouts = InferenceTimeouts(queue_seconds=1)
    async with (
        InferenceClient(server.base_url, None, limits=limits, timeouts=timeouts) as client,
        serving(auth_server.answer) as auth_url,
        AuthClient(auth_url, "key", SystemClock()) as auth,
    ):
        replies = [asyncio.create_task(text_of(client)) for _ in range(150)]
        await server.until(lambda: server.calls("/generate") == 100)
        async with asyncio.timeout(0.5):
            assert (await auth.authenticate("token")).id == "u"
        refused = await _all_that_fail(replies)
        may_end.set()
        served = await asyncio.gather(*(reply for reply in replies if not reply.done()))
        again = await asyncio.gather(*(text_of(client) for _ in range(150)))

    assert [type(error) for error in refused] == [InferenceTimeoutError] * 50
    assert served == ["Hello"] * 100
    assert again == ["Hello"] * 150
    assert server.connections <= 100


def _held_until(may_end: asyncio.Event) -> Script:
    async def script(call: Call) -> None:
        await call.send(STREAM_HEAD, chunk(token("Hel")))
        await may_end.wait()
        await call.send(chunk(token("lo")), chunk(DONE) + LAST_CHUNK)

    return script


async def _all_that_fail(replies: list["asyncio.Task[str]"]) -> list[BaseException | None]:
    """Returns the errors of the fifty replies that get no connection; the others go on."""
    async with asyncio.timeout(5):
        while sum(reply.done() for reply in replies) < 50:
            await asyncio.wait(replies, timeout=0.05)
    return [reply.exception() for reply in replies if reply.done()]


async def test_no_proxy_is_taken_from_the_environment(server: InferenceServer, monkeypatch: pytest.MonkeyPatch) -> None:
    async with InferenceServer() as proxy:
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.base_url)
            monkeypatch.setenv(name.upper(), proxy.base_url)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        async with InferenceClient(server.base_url, "secret-key") as client:
            assert await text_of(client) == "Hello"
            await client.list_models()

        assert proxy.connections == 0


async def test_tasks_have_their_turn_although_all_streams_bring_tokens_at_once(
    client: InferenceClient, server: InferenceServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A real event loop on libuv would read them all, and again what came meanwhile, before anything else.
    monkeypatch.setattr("chatcore_inference.http.epoll_reader._MOST_AT_ONCE", 1)
    monkeypatch.setattr("chatcore_inference.http.pool._MANY", 5)
    streams = 8
    waiting, heard = 0, 0
    together = asyncio.Event()

    async def script(call: Call) -> None:
        nonlocal waiting
        await call.send(STREAM_HEAD)
        waiting += 1
        await together.wait()
        await call.send(chunk(token("now")) + chunk(DONE) + LAST_CHUNK)

    def listen(frame: Frame) -> None:
        nonlocal heard
        heard += frame.token is not None

    server.on("/generate", script)
    async with asyncio.TaskGroup() as tasks:
        for _ in range(streams):
            tasks.create_task(client.generate(REQUEST, listen))
        await server.until(lambda: waiting == streams)
        together.set()
        seen = set()
        while heard < streams:
            seen.add(heard)
            await asyncio.sleep(0)

    assert seen == set(range(streams))
