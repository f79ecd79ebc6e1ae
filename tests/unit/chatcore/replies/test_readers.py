"""Chunks are offered to a waiting reader before a task is woken."""

import asyncio

from tests.unit.settling import settle
from tests.unit.token_frames import frame

from chatcore import FrameReader, Stretch
from chatcore.replies.frame_buffer import FrameBuffer
from chatcore.replies.readers import TextReader
from chatcore.replies.transcript import Transcript


async def test_a_chunk_that_is_written_at_once_wakes_no_task() -> None:
    transcript = Transcript()
    reader = TextReader(transcript, 0)
    shown: list[str] = []

    def show(chunk: Stretch) -> bool:
        shown.append(chunk.text)
        return len(shown) < 3

    reader.offer(show)
    wait = asyncio.ensure_future(reader.wait())
    await settle()
    for token in ("a", "b"):
        transcript.append(frame(token))
        await settle()
    still_waits = not wait.done()
    transcript.append(frame("c"))
    await wait

    assert (shown, still_waits) == (["a", "b", "c"], True)
    assert reader.take() == Stretch("c", 3)


async def test_a_reader_woken_in_between_is_offered_each_chunk_once() -> None:
    transcript = Transcript()
    reader = FrameReader(transcript, FrameBuffer())
    offers: list[bytes] = []

    def show(frames: bytes) -> bool:
        offers.append(frames)
        return True

    reader.offer(show)
    for _ in range(3):
        wait = asyncio.ensure_future(reader.wait())
        await settle()
        reader.wake()
        await wait
    wait = asyncio.ensure_future(reader.wait())
    await settle()
    transcript.append(frame("a"))

    assert offers == [frame("a").raw]
    wait.cancel()
