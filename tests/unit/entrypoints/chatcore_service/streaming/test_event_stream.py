"""An open event stream: chunks go by the direct writer if it is free, and otherwise by the stream's task."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from itertools import pairwise

import pytest
from starlette.types import Message
from tests.unit.settling import settle
from tests.unit.token_frames import CLOSING, frame

from chatcore import FrameReader, User
from chatcore.ports import Frame
from chatcore.replies.frame_buffer import FrameBuffer
from chatcore.replies.transcript import End, Transcript
from chatcore.reply_error import ReplyError
from chatcore_memory import FrozenClock, StaticAuth
from chatcore_service.http.bearer_authenticator import BearerAuthenticator
from chatcore_service.http.caller import Caller
from chatcore_service.settings import StreamSettings
from chatcore_service.streaming import sse
from chatcore_service.streaming.direct_writer import ABORT, DIRECT_WRITER, DirectWriter
from chatcore_service.streaming.event_stream import EventStream
from chatcore_service.streaming.stream_monitor import StreamMonitor


class Client(DirectWriter):
    """The other end of a connection, and its direct writer."""

    def __init__(self) -> None:
        self.received = b""
        self.written_directly = b""
        self.writes = 0
        self.has_written = False
        self.is_blocked = False
        self.has_ended = False
        self._disconnected = asyncio.Event()
        self._on_departure: Callable[[], None] | None = None
        self._room = asyncio.Event()

    def write(self, chunk: bytes) -> bool:
        if self.is_blocked:
            return False
        self.received += chunk
        self.written_directly += chunk
        self.writes += 1
        self.has_written = True
        return True

    def take_progress(self) -> bool:
        has_written, self.has_written = self.has_written, False
        return has_written

    def on_departure(self, call: Callable[[], None] | None) -> None:
        self._on_departure = call

    def read_on(self) -> None:
        self.is_blocked = False
        self._room.set()

    @property
    def has_disconnected(self) -> bool:
        return self._disconnected.is_set()

    def disconnect(self) -> None:
        self._disconnected.set()
        if self._on_departure is not None:
            self._on_departure()

    async def receive(self) -> Message:
        await self._disconnected.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        while self.is_blocked:
            await self._room.wait()
        self.received += message.get("body", b"")
        self.writes += bool(message.get("body"))
        self.has_ended = message.get("more_body") is False


class Streaming:
    """A stream of a transcript to a client."""

    def __init__(
        self, stream_monitor: StreamMonitor, *, has_writer: bool = True, replayed: Sequence[bytes] = ()
    ) -> None:
        self.transcript = Transcript()
        frames = FrameBuffer()
        for raw in replayed:
            frames.append(raw)
        self._reader = FrameReader(self.transcript, frames)
        self.client = Client()
        self.is_closed = False
        self.stream_monitor = stream_monitor
        self._scope: dict[str, object] = {
            ABORT: self.client.disconnect,
            **({DIRECT_WRITER: self.client} if has_writer else {}),
        }

    async def begin(self) -> None:
        stream = EventStream(
            self._reader,
            sse.FrameEncoder(),
            caller=Caller(user=User(id="alice"), token="token", trace_id="trace"),
            stream_monitor=self.stream_monitor,
            location=None,
            on_close=self._close,
        )
        self.task = asyncio.ensure_future(stream(self._scope, self.client.receive, self.client.send))
        await settle()

    def _close(self) -> None:
        self.is_closed = True


@pytest.fixture
async def stream_monitor() -> AsyncIterator[StreamMonitor]:
    clock = FrozenClock()
    stream_monitor = StreamMonitor(
        authenticator=BearerAuthenticator(StaticAuth({}, clock=clock)), clock=clock, settings=StreamSettings()
    )
    yield stream_monitor
    await stream_monitor.close()


async def test_a_chunk_is_written_directly_before_any_task_runs(stream_monitor: StreamMonitor) -> None:
    streaming = Streaming(stream_monitor)
    await streaming.begin()

    streaming.transcript.append(frame("a"))

    assert streaming.client.written_directly == frame("a").raw
    streaming.client.disconnect()
    await streaming.task


async def test_frames_that_arrive_together_are_written_together(stream_monitor: StreamMonitor) -> None:
    streaming = Streaming(stream_monitor)
    await streaming.begin()
    for token in "abcd":
        streaming.transcript.append(Frame(frame(token).raw, token, has_successor=True))
    streaming.transcript.append(frame("e"))

    assert streaming.client.writes == 1
    assert streaming.client.written_directly == b"".join(frame(token).raw for token in "abcde")
    streaming.client.disconnect()
    await streaming.task


async def test_a_reply_is_the_same_with_and_without_a_direct_writer(stream_monitor: StreamMonitor) -> None:
    received = []
    for has_writer in (True, False):
        streaming = Streaming(stream_monitor, has_writer=has_writer)
        streaming.transcript.append(frame("before"))
        await streaming.begin()
        streaming.transcript.append(frame("a"))
        await settle()
        streaming.transcript.append(CLOSING)
        streaming.transcript.finish(End())
        await streaming.task
        received.append((streaming.client.received, streaming.client.has_ended, streaming.is_closed))

    assert received == [(frame("before").raw + frame("a").raw + CLOSING.raw, True, True)] * 2


async def test_no_chunk_overtakes_one_that_waits_for_a_slow_client(stream_monitor: StreamMonitor) -> None:
    streaming = Streaming(stream_monitor)
    await streaming.begin()
    streaming.client.is_blocked = True
    streaming.transcript.append(frame("a"))
    await settle()

    # The client reads again, and another frame arrives, before the task that holds the first frame has run.
    streaming.client.read_on()
    streaming.transcript.append(frame("b"))
    await settle()
    streaming.transcript.append(frame("c"))

    assert streaming.client.received == frame("a").raw + frame("b").raw + frame("c").raw
    assert streaming.client.written_directly == frame("c").raw
    streaming.client.disconnect()
    await streaming.task


@pytest.mark.parametrize("has_writer", [True, False])
async def test_other_tasks_run_between_two_chunks_of_a_replay(
    stream_monitor: StreamMonitor, *, has_writer: bool
) -> None:
    """Sending to a disconnected client returns at once."""
    frames = [frame("x" * 1000).raw] * 120
    streaming = Streaming(stream_monitor, has_writer=has_writer, replayed=frames)
    writes_at_turns = []

    async def look() -> None:
        while not streaming.is_closed:
            writes_at_turns.append(streaming.client.writes)
            await asyncio.sleep(0)

    looking = asyncio.create_task(look())
    await streaming.begin()
    streaming.transcript.finish(End())
    await streaming.task
    await looking

    assert streaming.client.received == b"".join(frames)
    assert max(later - earlier for earlier, later in pairwise(writes_at_turns)) == 1


async def test_the_end_comes_after_all_chunks(stream_monitor: StreamMonitor) -> None:
    streaming = Streaming(stream_monitor)
    await streaming.begin()
    streaming.transcript.append(frame("a"))
    streaming.transcript.finish(End(ReplyError.INFERENCE_INTERRUPTED))
    await streaming.task

    assert streaming.client.received.startswith(frame("a").raw + b'data: {"error":"inference_interrupted"')
    assert streaming.client.has_ended


async def test_a_drain_ends_a_stream_that_uses_its_direct_writer(stream_monitor: StreamMonitor) -> None:
    streaming = Streaming(stream_monitor)
    await streaming.begin()
    streaming.transcript.append(frame("a"))
    stream_monitor.end_all()
    streaming.transcript.append(frame("b"))
    await streaming.task

    assert streaming.client.received == frame("a").raw + sse.RECONNECT


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"], ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize(("token_bytes", "count"), [(5, 3000), (5000, 20), (50_000, 2), (100_000, 1)])
async def test_a_slow_reader_is_told_to_reconnect_between_two_frames(
    stream_monitor: StreamMonitor, line_end: bytes, token_bytes: int, count: int
) -> None:
    streaming = Streaming(stream_monitor)
    await streaming.begin()
    streaming.client.is_blocked = True
    token = "x" * token_bytes
    raw = frame(token).raw.replace(b"\n", line_end)
    for _ in range(count):
        streaming.transcript.append(Frame(raw, token))
    await settle()

    # In the middle of the first chunk.
    stream_monitor.end_all()
    streaming.client.read_on()
    await streaming.task

    sent = streaming.client.received.removesuffix(sse.RECONNECT)
    assert streaming.client.received == sent + sse.RECONNECT
    assert sent == raw * (len(sent) // len(raw))
    assert sent


async def test_a_disconnected_client_is_sent_nothing_more(stream_monitor: StreamMonitor) -> None:
    streaming = Streaming(stream_monitor)
    await streaming.begin()
    streaming.client.disconnect()
    await streaming.task
    streaming.transcript.append(frame("a"))

    assert streaming.client.received == b""
    assert streaming.is_closed


@pytest.mark.parametrize("blocked_at", ["the head", "the last bytes"])
async def test_a_client_that_stalls_anywhere_is_disconnected(blocked_at: str) -> None:
    clock, settings = FrozenClock(), StreamSettings()
    stream_monitor = StreamMonitor(
        authenticator=BearerAuthenticator(StaticAuth({}, clock=clock)), clock=clock, settings=settings
    )
    streaming = Streaming(stream_monitor)
    streaming.client.is_blocked = blocked_at == "the head"
    await streaming.begin()
    streaming.client.is_blocked = True
    # Only the end remains to be sent.
    streaming.transcript.finish(End(ReplyError.INFERENCE_INTERRUPTED))
    await settle()

    await clock.elapse(settings.write_timeout_seconds - 1)
    was_aborted_early = streaming.client.has_disconnected
    await clock.elapse(1)
    assert (was_aborted_early, streaming.client.has_disconnected) == (False, True)

    streaming.client.read_on()
    await streaming.task
    await stream_monitor.close()
