"""An open event stream: passes on what a reader has, until the reader's end or its own."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from starlette.types import Message, Receive, Scope, Send

from chatcore import Reader
from chatcore_service.http.caller import Caller
from chatcore_service.streaming import sse
from chatcore_service.streaming.direct_writer import ABORT, LINE, Line
from chatcore_service.streaming.stream_monitor import Pacer, Pulse

_HEADERS = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]

NewsT = TypeVar("NewsT")


class EventStream(Generic[NewsT]):
    """A response, as an ASGI application. The reader, not the reply, ends when the caller goes away.

    Not one of Starlette's streaming responses: a thousand streams spend a tenth of their time in those. For the
    same reason nothing here sets a timer; the one :class:`Pacer` of the process looks after all streams.

    The task of a stream relays only what it finds when it looks. While it waits, chunks are written directly where they
    arrive, by the server's :class:`~chatcore_service.streaming.direct_writer.Line`. A token then wakes no task and
    crosses no middleware. Without a direct writer, or when the caller does not keep up, the task is woken and sends as
    any response does.
    """

    __slots__ = (
        "_encoder",
        "_has_yielded",
        "_location",
        "_on_close",
        "_pacer",
        "_pulse",
        "_reader",
    )

    def __init__(
        self,
        reader: Reader[NewsT],
        encoder: sse.Encoder[NewsT],
        *,
        caller: Caller,
        pacer: Pacer,
        location: str | None,
        on_close: Callable[[], None],
    ) -> None:
        self._reader = reader
        self._encoder = encoder
        self._pulse = Pulse(caller, wake=reader.wake)
        self._pacer = pacer
        self._location = location
        self._on_close = on_close
        # Whether others have run since something was sent last.
        self._has_yielded = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Streams to the end."""
        self._pulse.abort = scope.get(ABORT) or _cancel_of_this_task()
        self._pulse.line = line = scope.get(LINE)
        # A task that waits for the departure costs as much memory as all that the stream itself keeps.
        gone = asyncio.create_task(self._await_departure(receive)) if line is None else None
        self._pacer.enter(self._pulse)
        try:
            if line is not None:
                line.on_departure(self._notice_departure)
            self._pulse.is_writing = True
            await send({"type": "http.response.start", "status": 200, "headers": self._headers()})
            self._pulse.is_writing = False
            last = await self._relay(send, line)
            # The last bytes can wait for the caller as any others can; the pacer cuts off who never takes them.
            self._pulse.is_writing = True
            await send(_body(last, more=False))
        finally:
            self._pacer.leave(self._pulse)
            if gone is not None:
                gone.cancel()
            if line is not None:
                line.on_departure(None)
            self._on_close()

    def _headers(self) -> list[tuple[bytes, bytes]]:
        if self._location is None:
            return list(_HEADERS)
        return [*_HEADERS, (b"content-location", self._location.encode())]

    async def _relay(self, send: Send, line: Line | None) -> bytes:
        """Sends everything but the last bytes, which it returns."""
        reader, pulse = self._reader, self._pulse
        if line is not None:
            reader.offer(self._encoder.onto(line))
        # News are whole frames, and passed on to their end: comments and the end come between two frames.
        while not pulse.is_gone:
            if pulse.is_over:
                return sse.RECONNECT
            if news := reader.take():
                await self._pass_on(news, send)
            elif (end := reader.end) is not None:
                return self._encoder.end(end)
            elif pulse.owes_keep_alive:
                pulse.owes_keep_alive = False
                await self._write(sse.KEEP_ALIVE, send)
            else:
                await reader.wait()
                self._has_yielded = True
        return b""

    async def _pass_on(self, news: NewsT, send: Send) -> None:
        for chunk in self._encoder.news(news):
            if not self._has_yielded:
                # To a caller who has gone sending returns at once: without this a long replay would hold up all.
                await asyncio.sleep(0)
                if self._pulse.is_gone:
                    return
            self._has_yielded = False
            await self._write(chunk, send)

    async def _write(self, chunk: bytes, send: Send) -> None:
        pulse = self._pulse
        pulse.is_writing = True
        await send(_body(chunk, more=True))
        pulse.is_writing = False
        pulse.has_written = True

    async def _await_departure(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._notice_departure()

    def _notice_departure(self) -> None:
        self._pulse.is_gone = True
        self._reader.wake()


def _body(chunk: bytes, *, more: bool) -> Message:
    return {"type": "http.response.body", "body": chunk, "more_body": more}


def _cancel_of_this_task() -> Callable[[], object]:
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine that runs has a task
    return task.cancel
