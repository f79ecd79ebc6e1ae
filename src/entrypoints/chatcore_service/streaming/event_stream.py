"""An open event stream: passes on what a reader has, until the reader's end or its own."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from starlette.types import Message, Receive, Scope, Send

from chatcore import Reader
from chatcore_service.http.caller import Caller
from chatcore_service.streaming import sse
from chatcore_service.streaming.direct_writer import ABORT, DIRECT_WRITER, DirectWriter
from chatcore_service.streaming.stream_monitor import StreamMonitor, StreamState

_HEADERS = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]

ChunkT = TypeVar("ChunkT")


class EventStream(Generic[ChunkT]):
    """A response, as an ASGI application. The reader, not the reply, ends when the caller goes away.

    Not one of Starlette's streaming responses: a thousand streams spend a tenth of their time in those. For the
    same reason nothing here sets a timer; the one :class:`StreamMonitor` of the process looks after all streams.

    The task of a stream relays only what it finds when it looks. While it waits, chunks are written directly where they
    arrive, by the server's :class:`~chatcore_service.streaming.direct_writer.DirectWriter`. A token then wakes no task
    and crosses no middleware. Without a direct writer, or when the caller does not keep up, the task is woken and sends
    as any response does.
    """

    __slots__ = (
        "_encoder",
        "_has_yielded",
        "_location",
        "_monitor",
        "_on_close",
        "_reader",
        "_state",
    )

    def __init__(
        self,
        reader: Reader[ChunkT],
        encoder: sse.Encoder[ChunkT],
        *,
        caller: Caller,
        stream_monitor: StreamMonitor,
        location: str | None,
        on_close: Callable[[], None],
    ) -> None:
        self._reader = reader
        self._encoder = encoder
        self._state = StreamState(caller, wake=reader.wake)
        self._monitor = stream_monitor
        self._location = location
        self._on_close = on_close
        # Whether others have run since something was sent last.
        self._has_yielded = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Streams to the end."""
        self._state.abort = scope.get(ABORT) or _cancel_of_this_task()
        self._state.writer = writer = scope.get(DIRECT_WRITER)
        # A task that waits for the departure costs as much memory as all that the stream itself keeps.
        gone = asyncio.create_task(self._await_departure(receive)) if writer is None else None
        self._monitor.enter(self._state)
        try:
            if writer is not None:
                writer.on_departure(self._notice_departure)
            self._state.is_writing = True
            await send({"type": "http.response.start", "status": 200, "headers": self._headers()})
            self._state.is_writing = False
            last = await self._relay(send, writer)
            # The last bytes can wait for the caller as any others can; the monitor cuts off who never takes them.
            self._state.is_writing = True
            await send(_body(last, more=False))
        finally:
            self._monitor.leave(self._state)
            if gone is not None:
                gone.cancel()
            if writer is not None:
                writer.on_departure(None)
            self._on_close()

    def _headers(self) -> list[tuple[bytes, bytes]]:
        if self._location is None:
            return list(_HEADERS)
        return [*_HEADERS, (b"content-location", self._location.encode())]

    async def _relay(self, send: Send, writer: DirectWriter | None) -> bytes:
        """Sends everything but the last bytes, which it returns."""
        reader, state = self._reader, self._state
        if writer is not None:
            reader.offer(self._encoder.onto(writer))
        # News are whole frames, and passed on to their end: comments and the end come between two frames.
        while not state.is_gone:
            if state.is_over:
                return sse.RECONNECT
            if chunk := reader.take():
                await self._pass_on(chunk, send)
            elif (end := reader.end) is not None:
                return self._encoder.end(end)
            elif state.owes_keep_alive:
                state.owes_keep_alive = False
                await self._write(sse.KEEP_ALIVE, send)
            else:
                await reader.wait()
                self._has_yielded = True
        return b""

    async def _pass_on(self, chunk: ChunkT, send: Send) -> None:
        for data in self._encoder.encode(chunk):
            if not self._has_yielded:
                # To a caller who has gone sending returns at once: without this a long replay would hold up all.
                await asyncio.sleep(0)
                if self._state.is_gone:
                    return
            self._has_yielded = False
            await self._write(data, send)

    async def _write(self, data: bytes, send: Send) -> None:
        state = self._state
        state.is_writing = True
        await send(_body(data, more=True))
        state.is_writing = False
        state.has_written = True

    async def _await_departure(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._notice_departure()

    def _notice_departure(self) -> None:
        self._state.is_gone = True
        self._reader.wake()


def _body(chunk: bytes, *, more: bool) -> Message:
    return {"type": "http.response.body", "body": chunk, "more_body": more}


def _cancel_of_this_task() -> Callable[[], object]:
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine that runs has a task
    return task.cancel
