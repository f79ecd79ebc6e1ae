"""The least that a relay in Python can do: bytes through, one connection to the source for each from a client.

No parsing, no storage, no users: what anything in Python costs at least, on this machine and at this moment.
"""

import argparse
import asyncio
from typing import cast

import uvloop


class Upstream(asyncio.Protocol):
    """The source's side."""

    def __init__(self, client: asyncio.Transport) -> None:
        self._client = client

    def data_received(self, data: bytes) -> None:
        """To the client."""
        self._client.write(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's signature
        """The source has gone."""
        self._client.close()


class Downstream(asyncio.Protocol):
    """The client's side."""

    def __init__(self, source_port: int) -> None:
        self._source_port = source_port
        self._source: asyncio.Transport | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._early = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connects to the source."""
        self._connecting = asyncio.ensure_future(self._connect(cast("asyncio.Transport", transport)))

    async def _connect(self, client: asyncio.Transport) -> None:
        loop = asyncio.get_running_loop()
        source, _ = await loop.create_connection(lambda: Upstream(client), "127.0.0.1", self._source_port)
        self._source = source
        source.write(self._early)

    def data_received(self, data: bytes) -> None:
        """To the source, once it is there."""
        if self._source is None:
            self._early += data
        else:
            self._source.write(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's signature
        """The client has gone."""
        if self._source is not None:
            self._source.close()


async def serve(port: int, source_port: int) -> None:
    """Serves for ever."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Downstream(source_port), "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--source-port", type=int, required=True)
    options = parser.parse_args()
    uvloop.run(serve(options.port, options.source_port))
