"""Provides the body of a response as an httpx stream."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Self, TypeVar

import httpx

from chatcore_inference.http.connection import Connection
from chatcore_inference.http.exchange import Exchange

T = TypeVar("T")


async def read_within(seconds: float | None, read: Callable[[], Awaitable[T]]) -> T:
    """Awaits `read` for at most `seconds` and returns its result; None sets no limit.

    Raises:
        httpx.ReadTimeout: `read` did not return within `seconds`.
    """
    if seconds is None:
        return await read()
    try:
        async with asyncio.timeout(seconds):
            return await read()
    except TimeoutError as error:
        raise httpx.ReadTimeout("No answer came in time.") from error


class ResponseBody(httpx.AsyncByteStream):
    """Yields chunks of the body as they arrive, or nothing if a sink takes the chunks. Closing it ends the exchange."""

    __slots__ = ("_connection", "_exchange", "_is_open", "_read_seconds")

    def __init__(self, connection: Connection, exchange: Exchange, read_seconds: float | None) -> None:
        self._connection = connection
        self._exchange = exchange
        self._read_seconds = read_seconds
        self._is_open = True

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        chunk = await read_within(self._read_seconds, self._exchange.next_chunk)
        if not chunk:
            raise StopAsyncIteration
        return chunk

    async def aclose(self) -> None:
        """Releases the connection, or closes it if the body has not ended."""
        if self._is_open:
            self._is_open = False
            self._connection.end()
