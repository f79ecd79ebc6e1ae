"""News that are offered to whoever waits, before anybody is woken."""

import asyncio

from tests.unit.settling import settle
from tests.unit.token_frames import frame

from chatcore import FrameReader, Stretch
from chatcore.replies.readers import TextReader
from chatcore.replies.transcript import Transcript


async def test_news_that_are_seen_to_at_once_wake_nobody() -> None:
    transcript = Transcript()
    reader = TextReader(transcript, 0)
    shown: list[str] = []

    def show(news: Stretch) -> bool:
        shown.append(news.text)
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


async def test_a_reader_woken_in_between_is_offered_each_news_once() -> None:
    transcript = Transcript()
    reader = FrameReader(transcript, b"")
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
