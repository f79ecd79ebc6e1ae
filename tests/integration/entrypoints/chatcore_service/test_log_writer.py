"""A log that nobody reads holds up no request, no probe and no reply."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Generator
from contextlib import contextmanager, suppress

from tests.integration.entrypoints.chatcore_service.http_server import ALICE, PAUSED, live_service
from tests.integration.faults.waiting import eventually
from tests.restored_logging import restored_logging

from chatcore_memory import DONE_FRAME, token_frame
from chatcore_service.log_writer import LogWriter
from chatcore_service.logs import configure_logging, report_dropped_lines

PATIENCE_SECONDS = 10
MAX_BYTES = 20_000


@contextmanager
def unread_pipe() -> Generator[tuple[int, int]]:
    """Opens a pipe for the duration of the block."""
    reading_end, writing_end = os.pipe()
    try:
        yield reading_end, writing_end
    finally:
        os.close(reading_end)
        os.close(writing_end)


async def test_a_log_that_nobody_reads_holds_up_nothing_and_tells_later_what_it_lost() -> None:
    with restored_logging(), unread_pipe() as (reading_end, writing_end):
        writer = LogWriter(writing_end, max_bytes=MAX_BYTES, report_dropped=report_dropped_lines)
        configure_logging(service_name="chat-test", level="DEBUG", writer=writer)
        async with live_service() as service, asyncio.timeout(PATIENCE_SECONDS):
            service.inference.play(*PAUSED)
            conversation = await service.conversation()
            sending = asyncio.create_task(
                service.client.post(f"{conversation}/messages", json={"content": "hi"}, headers=ALICE)
            )
            await service.inference.until_paused()
            while not writer.dropped:
                assert (await service.client.get("/api/health")).status_code == 200
            service.inference.release()
            sent = await sending

            read = b""
            os.set_blocking(reading_end, False)

            def has_been_told() -> bool:
                nonlocal read
                with suppress(BlockingIOError):
                    read += os.read(reading_end, MAX_BYTES)
                return b"log lines were dropped" in read

            await eventually(has_been_told, within=PATIENCE_SECONDS, what="the lost lines are reported")
        writer.flush(PATIENCE_SECONDS)

    assert sent.content == token_frame("Hel") + token_frame("lo") + DONE_FRAME
