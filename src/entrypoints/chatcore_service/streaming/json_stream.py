"""Sends a JSON document that is read and encoded while it is sent, so that little of it is in memory."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import aclosing

import structlog
from starlette.types import Receive, Scope, Send

from chatcore import ChatError
from chatcore_service.http import media_types
from chatcore_service.streaming.direct_writer import ABORT

_log: structlog.stdlib.BoundLogger = structlog.get_logger("chatcore_service")


class JsonStream:
    """Sends the pieces of a JSON document as the response of a request, as an ASGI application.

    The next piece is made when the caller has taken most of the previous ones. When the caller disconnects, no further
    piece is made. When a piece cannot be made, the connection is aborted, so that the caller does not take a part of
    the document for the whole.

    Args:
        first: the pieces that were made before the response began.
        rest: the other pieces.
        media_type: the media type.
        headers: further headers.
    """

    def __init__(
        self,
        first: Iterable[bytes],
        rest: AsyncGenerator[bytes],
        *,
        media_type: str = media_types.JSON,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._headers = {"content-type": media_type, **(headers or {})}
        self._first = deque(first)
        self._rest = rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends the response."""
        gone = asyncio.create_task(_await_disconnect(receive))
        try:
            async with aclosing(self._rest):
                await self._send_all(send, gone)
        except Exception as error:
            _record(error)
            abort: Callable[[], object] | None = scope.get(ABORT)
            if abort is None:
                raise  # The server breaks the connection off.
            abort()
            await gone
        finally:
            gone.cancel()

    async def _send_all(self, send: Send, gone: asyncio.Task[None]) -> None:
        headers = [(name.lower().encode(), value.encode()) for name, value in self._headers.items()]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        while not gone.done() and (piece := await self._next()):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _next(self) -> bytes:
        """Returns the next piece, which is empty after the last one."""
        # No reference to a piece is kept once it is sent.
        return self._first.popleft() if self._first else await anext(self._rest, b"")


def _record(error: Exception) -> None:
    if isinstance(error, ChatError):
        _log.warning("a response was broken off", error=type(error).__name__)
    else:
        _log.error("a response was broken off unexpectedly", exc_info=error)


async def _await_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
