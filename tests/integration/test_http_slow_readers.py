"""Readers who take nothing, or leave at once: what they cost is bounded in bytes and in turns of the event loop.

On uvloop, as the service runs; bytes are those that Python allocated, the kernel's own are made as few as it allows.
"""

from __future__ import annotations

import gc
import json
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest
import uvloop
from attrs import evolve

from chatcore_memory import DONE_FRAME, PAUSE, token_frame
from chatcore_memory.inference import CallState
from tests.integration.http_server import ALICE, SETTINGS, LiveService, live_service
from tests.integration.slow_readers import (
    following,
    leave_the_kernel_little,
    sending,
    stalled_readers,
    to_be_stuck,
)

WRITE_TIMEOUT_SECONDS = 5.0
MOST_BYTES_A_READER = 256 * 1024
READERS = 200
TOKEN = "sea " * 1024
MEBIBYTE = 256


@asynccontextmanager
async def roomy_service(write_timeout_seconds: float = 60.0) -> AsyncIterator[LiveService]:
    """One that lets a user have as many streams and replies as a test needs."""
    streams = evolve(SETTINGS.streams, max_per_user=5000, write_timeout_seconds=write_timeout_seconds)
    limits = evolve(SETTINGS.limits, generations_per_user=5000)
    async with live_service(evolve(SETTINGS, streams=streams, limits=limits)) as service:
        yield service


async def begin(service: LiveService, number: int, *tokens: str) -> tuple[str, bytes]:
    """A reply that has come to a halt before its end: its path, and a request for its frames from the first."""
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
    """Counts from the beginning of the block."""
    gc.collect()
    tracemalloc.start()

    def held() -> int:
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    try:
        yield held
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("replies", "tokens"), [(1, MEBIBYTE), (READERS, MEBIBYTE // 3)])
def test_who_stops_reading_costs_little_and_is_cut_off_and_the_replies_are_whole(replies: int, tokens: int) -> None:
    async def stall() -> float:
        async with roomy_service(WRITE_TIMEOUT_SECONDS) as service:
            leave_the_kernel_little(service)
            begun = [await begin(service, number, *[TOKEN] * tokens) for number in range(replies)]
            await service.inference.until_paused(replies)
            # Of one and the same reply, or of one each; half of them its text, half its frames.
            wanted = [begun[number % replies] for number in range(READERS)]
            requests = [frames if number % 2 else following(path) for number, (path, frames) in enumerate(wanted)]
            with allocations() as held, stalled_readers(service.port, *requests):
                await to_be_stuck(service, READERS)
                bytes_held = held()
                assert service.container.pacer().open_streams == READERS
                await service.open_streams_to_end()
            service.inference.release()
            assert await text_of(service, begun[-1][0]) == TOKEN * tokens
            assert [call.state for call in service.inference.calls] == [CallState.ENDED] * replies
            return bytes_held / READERS

    assert uvloop.run(stall()) <= MOST_BYTES_A_READER


async def text_of(service: LiveService, path: str) -> str:
    """What a reader who reads gets."""
    body = (await service.client.get(path, headers=ALICE)).text
    assert body.endswith('data: {"done":true}\n\n')
    return "".join(json.loads(line[6:]).get("token", "") for line in body.split("\n") if line.startswith("data: "))
