"""Sends the chunks of a reader over an open event stream until the reply or the stream ends."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from chatcore import Reader
from chatcore_service.http import media_types
from chatcore_service.http.admission import HasOwnLimit
from chatcore_service.http.caller import Caller
from chatcore_service.streaming import sse
from chatcore_service.streaming.direct_writer import ABORT, DIRECT_WRITER, IS_HALF_CLOSED, DirectWriter
from chatcore_service.streaming.stream_monitor import StreamMonitor, StreamState

_HEADERS = [
    (b"content-type", media_types.EVENT_STREAM.encode()),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]

ChunkT = TypeVar("ChunkT")


def event_stream_head_response() -> Response:
    """Returns the response to a HEAD request for an event stream."""
    response = Response()
    response.raw_headers = list(_HEADERS)
    return response


class EventStream(HasOwnLimit, Generic[ChunkT]):
    """Streams a reader's chunks as the response of a request, as an ASGI application.

    When the caller disconnects, the reader ends, and the reply continues.

    The class replaces Starlette's streaming responses, in which a thousand streams spend a tenth of their time. For the
    same reason a stream sets no timer; one :class:`StreamMonitor` for each process watches all streams.

    The task of a stream sends only the chunks that are there when the task runs. While the task waits, the server's
    :class:`~chatcore_service.streaming.direct_writer.DirectWriter` writes each chunk in the callback in which the chunk
    arrives. A token then wakes no task and crosses no middleware. Without a direct writer, or when the caller does not
    keep up, the chunk wakes the task, which sends the chunk as any response does.
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
        revalidate_seconds: float | None = None,
    ) -> None:
        self._reader = reader
        self._encoder = encoder
        self._state = StreamState(caller, wake=reader.wake, revalidate_seconds=revalidate_seconds)
        self._monitor = stream_monitor
        self._location = location
        self._on_close = on_close
        # The flag says whether other tasks have run since the last write.
        self._has_yielded = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends the response, and calls `on_close` at its end."""
        self._state.abort = scope.get(ABORT) or _canceller_of_this_task()
        self._state.is_half_closed = scope.get(IS_HALF_CLOSED, self._state.is_half_closed)
        self._state.writer = writer = scope.get(DIRECT_WRITER)
        # With a direct writer, no task waits for the disconnect: such a task costs as much memory as the stream itself.
        gone = asyncio.create_task(self._await_disconnect(receive)) if writer is None else None
        self._monitor.enter(self._state)
        try:
            if writer is not None:
                writer.on_departure(self._notice_disconnect)
            self._state.is_writing = True
            await send({"type": "http.response.start", "status": 200, "headers": self._headers()})
            self._state.is_writing = False
            last = await self._relay(send, writer)
            # The caller may also be slow to take the last bytes; the monitor then aborts the connection.
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
        """Sends all chunks of the stream, and returns the last bytes unsent."""
        reader, state = self._reader, self._state
        if writer is not None:
            reader.offer(self._encoder.onto(writer))
        # A chunk ends with a whole frame and is sent to its end, so keep-alives and the end come between two frames.
        while not state.is_gone:
            if state.is_over:
                return sse.RECONNECT
            if chunk := reader.take():
                await self._send_chunk(chunk, send)
            elif (end := reader.end) is not None:
                return self._encoder.end(end)
            elif state.owes_keep_alive:
                state.owes_keep_alive = False
                await self._write(sse.KEEP_ALIVE, send)
            else:
                await reader.wait()
                self._has_yielded = True
        return b""

    async def _send_chunk(self, chunk: ChunkT, send: Send) -> None:
        for data in self._encoder.encode(chunk):
            if not self._has_yielded:
                # Sending to a disconnected caller returns at once, so a long replay without this pause would block all
                # tasks.
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

    async def _await_disconnect(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._notice_disconnect()

    def _notice_disconnect(self) -> None:
        self._state.is_gone = True
        self._reader.wake()


def _body(chunk: bytes, *, more: bool) -> Message:
    return {"type": "http.response.body", "body": chunk, "more_body": more}


def _canceller_of_this_task() -> Callable[[], object]:
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - a running coroutine has a task
    return task.cancel
