"""Readers that read nothing, or disconnect at once, cost a limited amount of memory and event loop time.

The tests run on uvloop, like the service. They count the bytes that Python allocated, and make the kernel's buffers as
small as possible.
"""

from __future__ import annotations

import asyncio
import gc
import json
import resource
import time
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest
import uvloop
from attrs import evolve
from tests.integration.entrypoints.chatcore_service.http_server import ALICE, SETTINGS, LiveService, live_service
from tests.integration.entrypoints.chatcore_service.streaming.slow_readers import (
    following,
    hold_up_who_is_behind,
    leave_the_kernel_little,
    sending,
    stalled_readers,
    stuck,
    to_be_stuck,
    waiting_bytes,
)
from tests.integration.faults.waiting import eventually
from tests.unit.settling import settle

from chatcore_memory import DONE_FRAME, PAUSE, token_frame
from chatcore_memory.inference import CallState

WRITE_TIMEOUT_SECONDS = 5.0
MOST_BYTES_A_READER = 256 * 1024
READERS = 200
TOKEN = "sea " * 1024
TOKENS_OF_A_MEBIBYTE = 256
#: CPU time for which other tasks wait at most.
MOST_SECONDS_A_TURN = 0.05


@pytest.fixture
def room_for_connections() -> Iterator[int]:
    """Allows a thousand connections, both ends of which are open files of this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 4096), hard))
    yield 1000
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@asynccontextmanager
async def roomy_service(write_timeout_seconds: float = 60.0) -> AsyncIterator[LiveService]:
    """Runs a service that allows a user as many streams and replies as a test needs."""
    streams = evolve(SETTINGS.streams, max_per_user=5000, write_timeout_seconds=write_timeout_seconds)
    limits = evolve(SETTINGS.limits, generations_per_user=5000)
    async with live_service(evolve(SETTINGS, streams=streams, limits=limits)) as service:
        yield service


async def begin(service: LiveService, number: int, *tokens: str) -> tuple[str, bytes]:
    """Begins a reply that pauses before its end; returns its path and a request for all of its frames."""
    service.inference.play_next(*map(token_frame, tokens), PAUSE, DONE_FRAME)
    conversation = await service.conversation()
    response = await service.client.post(
        f"{conversation}/messages",
        json={"content": "hi"},
        headers={**ALICE, "Prefer": "respond-async", "Idempotency-Key": str(number)},
    )
    return response.headers["location"], sending(conversation, str(number))


@contextmanager
def allocations() -> Iterator[Callable[[], int]]:
    """Measures the memory allocated since the beginning of the block."""
    gc.collect()
    tracemalloc.start()

    def held() -> int:
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    try:
        yield held
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("replies", "tokens"), [(1, TOKENS_OF_A_MEBIBYTE), (READERS, TOKENS_OF_A_MEBIBYTE // 5)])
def test_a_stalled_reader_costs_little_and_harms_no_reply(replies: int, tokens: int) -> None:
    async def stall() -> float:
        async with roomy_service(WRITE_TIMEOUT_SECONDS) as service:
            leave_the_kernel_little(service)
            begun = [await begin(service, number, *[TOKEN] * tokens) for number in range(replies)]
            await service.inference.until_paused(replies)
            # Readers of the same reply, or of one each; half of them read its text, half its frames.
            wanted = [begun[number % replies] for number in range(READERS)]
            requests = [frames if number % 2 else following(path) for number, (path, frames) in enumerate(wanted)]
            with allocations() as held, stalled_readers(service.port, *requests):
                await to_be_stuck(service, READERS)
                bytes_held = held()
                assert service.open_streams == READERS
                await service.open_streams_to_end()
            service.inference.release()
            assert await text_of(service, begun[-1][0]) == TOKEN * tokens
            assert [call.state for call in service.inference.calls] == [CallState.ENDED] * replies
            return bytes_held / READERS

    assert uvloop.run(stall()) <= MOST_BYTES_A_READER


def test_a_stalled_reader_of_a_slow_reply_is_disconnected() -> None:
    """Only the kernel notices this reader: so few bytes wait that the service may go on writing."""

    async def stall() -> bytes:
        async with roomy_service(write_timeout_seconds=1.0) as service:
            leave_the_kernel_little(service)
            path, _ = await begin(service, 0, "x" * 16_000)
            await service.inference.until_paused()
            with stalled_readers(service.port, following(path)):
                await service.streams_to_open(1)
                await eventually(lambda: waiting_bytes(service) > 0, within=10, what="something waits")
                assert stuck(service) == 0
                await service.open_streams_to_end()
            async with service.client.stream("GET", path, headers=ALICE) as response:
                # A normal reader is not disconnected during a long silence. The kernel's timer needs real time.
                reading = asyncio.create_task(response.aread())
                await asyncio.sleep(1.5)
                service.inference.release()
                return await reading

    assert uvloop.run(stall()).endswith(b'data: {"done":true}\n\n')


def test_a_slow_reader_reconnects_between_two_frames() -> None:
    large, small = token_frame("x" * 60_000), token_frame(TOKEN)

    async def end_early() -> bytes:
        async with roomy_service() as service:
            leave_the_kernel_little(service)
            service.inference.play_next(PAUSE, large, PAUSE, large, PAUSE, *[small] * 30, PAUSE, DONE_FRAME)
            with stalled_readers(service.port, sending(await service.conversation(), "key")) as [reader]:
                await service.inference.until_paused()
                hold_up_who_is_behind(service)
                # One frame is being sent, one waits to be sent, and many follow.
                for _ in range(3):
                    service.inference.release()
                    await service.inference.until_paused()
                await reader.until(b"\r\n\r\n")
                sent = await reader.until(large + b"\r\n")
                # Now the first of the many waits to be sent.
                await to_be_stuck(service, 1)
                await settle()
                service.container.stream_monitor().end_all()
                return without_chunks(sent + await reader.until(b"\r\n0\r\n\r\n"))

    sent = uvloop.run(end_early())
    assert sent in [large * 2 + small * count + b": reconnect\n\n" for count in range(1, 30)]


def without_chunks(body: bytes) -> bytes:
    """Decodes a chunked body."""
    found = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        found, body = found + body[: int(size, 16)], body[int(size, 16) + 2 :]
    return found


def test_a_stalled_reader_of_a_finished_reply_costs_little() -> None:
    async def stall() -> float:
        async with roomy_service() as service:
            leave_the_kernel_little(service)
            path, _ = await begin(service, 0, *[TOKEN] * TOKENS_OF_A_MEBIBYTE)
            await service.inference.until_paused()
            service.inference.release()
            await text_of(service, path)
            # Not from the start, because the storage in memory returns the same string for all full reads.
            requests = [following(f"{path}?offset=1")] * READERS
            with allocations() as held, stalled_readers(service.port, *requests):
                await to_be_stuck(service, READERS)
                return held() / READERS

    assert uvloop.run(stall()) <= MOST_BYTES_A_READER


def test_a_stalled_sender_costs_little_more_than_one_that_left() -> None:
    count = READERS // 5

    async def stall() -> float:
        async with roomy_service() as service:
            leave_the_kernel_little(service)
            service.inference.play(*[token_frame(TOKEN)] * TOKENS_OF_A_MEBIBYTE, PAUSE, DONE_FRAME)
            conversations = [await service.conversation() for _ in range(count)]
            requests = [sending(one, str(number)) for number, one in enumerate(conversations)]
            with allocations() as held:
                with stalled_readers(service.port, *requests):
                    await to_be_stuck(service, count)
                    await service.inference.until_paused(count)
                    await all_to_be_stored(service)
                    bytes_held = held()
                await service.open_streams_to_end()
                return (bytes_held - held()) / count

    assert uvloop.run(stall()) <= MOST_BYTES_A_READER


async def all_to_be_stored(service: LiveService) -> None:
    """Returns when the storage has all text so far, so that memory use is stable."""
    generations = service.container.chat().runner
    await eventually(
        lambda: all(generation.unstored_bytes == 0 for generation in generations.running),
        within=20,
        what="all text is stored",
    )


async def text_of(service: LiveService, path: str) -> str:
    """Returns what a normal reader receives."""
    body = (await service.client.get(path, headers=ALICE)).text
    assert body.endswith('data: {"done":true}\n\n')
    return "".join(json.loads(line[6:]).get("token", "") for line in body.split("\n") if line.startswith("data: "))


def test_a_thousand_readers_of_one_reply_cost_one_call_and_one_transcript(room_for_connections: int) -> None:
    from_the_start, at_the_end = 10, room_for_connections - 10

    async def read() -> tuple[float, int, set[bytes], set[bytes]]:
        async with roomy_service() as service:
            path, frames = await begin(service, 0, *[TOKEN] * TOKENS_OF_A_MEBIBYTE)
            await service.inference.until_paused()
            resume = following(f"{path}?offset={len(TOKEN) * TOKENS_OF_A_MEBIBYTE - 100}")
            requests = [*[frames] * from_the_start, *[resume] * at_the_end]
            with allocations() as held, stalled_readers(service.port, *requests) as readers:
                heads = [await reader.until(b"\r\n\r\n") for reader in readers]
                assert all(head.startswith(b"HTTP/1.1 200") for head in heads)
                await service.streams_to_open(room_for_connections)
                bytes_held = held()
                service.inference.release()
                bodies = [await reader.until(b"\r\n0\r\n\r\n") for reader in readers]
            calls = len(service.inference.calls)
            return bytes_held / room_for_connections, calls, set(bodies[:10]), set(bodies[10:])

    bytes_a_reader, calls, whole, ends = uvloop.run(read())
    # A tenth of what a copy of the transcript would cost.
    assert bytes_a_reader <= 100 * 1024
    assert calls == 1
    assert (len(whole), len(ends)) == (1, 1)


async def cpu_seconds_without_a_turn(busy: asyncio.Event) -> float:
    """Returns the longest time without a turn of the loop, in CPU time, which excludes other programs."""
    longest = 0.0
    while not busy.is_set():
        began = time.thread_time()
        await asyncio.sleep(0)
        longest = max(longest, time.thread_time() - began)
    return longest


def test_long_replays_do_not_block_other_tasks() -> None:
    async def replay() -> float:
        async with roomy_service() as service:
            leave_the_kernel_little(service)
            path, frames = await begin(service, 0, *["0123456789"] * 100_000)
            await service.inference.until_paused()
            is_over = asyncio.Event()
            measuring = asyncio.create_task(cpu_seconds_without_a_turn(is_over))
            for request in (frames, following(path)):
                await leave_and_stall(service, request)
            service.inference.release()
            await text_of(service, path)
            # The storage returns the whole reply as one text.
            await leave_and_stall(service, following(path))
            is_over.set()
            return await measuring

    assert uvloop.run(replay()) < MOST_SECONDS_A_TURN


async def leave_and_stall(service: LiveService, request: bytes) -> None:
    """Connects readers that disconnect at once, and readers that never read."""
    with stalled_readers(service.port, *[request] * 10):
        await to_be_stuck(service, 10)
        with stalled_readers(service.port, *[request] * 10):
            # Disconnected before the service handles them.
            pass
        assert (await service.client.get("/api/health")).status_code == 200
        assert (await service.client.get("/api/conversations", headers=ALICE)).status_code == 200
    await service.open_streams_to_end()
