"""Implements an httpx transport on asyncio's protocols and a parser in C, which can pass body bytes to a sink.

The transport determines the cost of a token: httpx with its default transport takes three times as long.
"""

import ssl
from typing import Any

import httpx

from chatcore_inference.http.body_sink import SINK, BodySink
from chatcore_inference.http.connection import Connection
from chatcore_inference.http.exchange import Exchange, StaleConnectionError
from chatcore_inference.http.origin import Origin
from chatcore_inference.http.pool import Pool
from chatcore_inference.http.response_body import ResponseBody, read_within

_FRAMING_HEADERS = {b"content-length", b"transfer-encoding"}


class SinkTransport(httpx.AsyncBaseTransport):
    """Speaks HTTP/1.1 over pooled connections to services that may be slow, broken or unavailable.

    The transport follows no redirects, reads no proxies from the environment and inflates nothing. It keeps httpx's
    timeouts `connect`, `pool`, and `read` for each wait; requests are small and written at once, so `write` is not
    needed. If a request has :data:`~chatcore_inference.http.body_sink.SINK` among its extensions, the body of the
    response goes to that sink.

    A request is repeated once, on a fresh connection, if a connection from the pool turns out to have been closed
    before any byte of the response: the service has hardly seen such a request. A refused connection is tried twice
    more within the connect timeout. No other request is repeated, because the service may have begun its work.

    Args:
        max_connections: most connections in use at once.
        max_header_bytes: most bytes of the headers of one response, with interim responses and trailers.
        ssl_context: the TLS settings for https; the system's certificate authorities by default.
    """

    def __init__(
        self,
        *,
        max_connections: int = 100,
        max_header_bytes: int = 16 * 1024,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._pool = Pool(max_connections=max_connections, max_header_bytes=max_header_bytes, ssl_context=ssl_context)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Returns the response as soon as its head has arrived; its body is in its stream, or goes to the sink.

        Raises:
            httpx.TransportError: there is no response.
        """
        origin = Origin.of(request.url)
        message = _serialized(request, await request.aread())
        try:
            return await self._exchange(request, origin, message, fresh=False)
        except StaleConnectionError:
            return await self._exchange(request, origin, message, fresh=True)

    async def aclose(self) -> None:
        """Closes all connections and breaks the exchanges in progress."""
        await self._pool.close()

    async def _exchange(self, request: httpx.Request, origin: Origin, message: bytes, *, fresh: bool) -> httpx.Response:
        timeouts: dict[str, float | None] = request.extensions.get("timeout", {})
        connection = await self._pool.acquire(
            origin, connect_seconds=timeouts.get("connect"), queue_seconds=timeouts.get("pool"), fresh=fresh
        )
        try:
            return await _answer(connection, message, request.extensions, timeouts.get("read"))
        except BaseException:
            connection.end()
            raise


async def _answer(
    connection: Connection,
    message: bytes,
    extensions: Any,  # noqa: ANN401 - httpx maps names to values of any type
    read_seconds: float | None,
) -> httpx.Response:
    sink: BodySink | None = extensions.get(SINK)
    exchange: Exchange = connection.begin(message, sink)
    headers = await read_within(read_seconds, exchange.wait_for_head)
    return httpx.Response(
        exchange.status,
        headers=headers,
        stream=ResponseBody(connection, exchange, read_seconds),
        extensions={"http_version": b"HTTP/" + exchange.http_version.encode("ascii")},
    )


def _serialized(request: httpx.Request, body: bytes) -> bytes:
    lines = [request.method.encode("ascii") + b" " + request.url.raw_path + b" HTTP/1.1"]
    lines += [name + b": " + value for name, value in request.headers.raw if name.lower() not in _FRAMING_HEADERS]
    if body or request.method == "POST":
        lines.append(b"Content-Length: %d" % len(body))
    head = b"\r\n".join(lines)
    if not head.count(b"\r") == head.count(b"\n") == len(lines) - 1 or b"\0" in head:
        raise httpx.LocalProtocolError("A header must not contain line ends.")
    return b"%b\r\n\r\n%b" % (head, body)
