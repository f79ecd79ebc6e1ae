"""A caller that does with its connection what no HTTP library would."""

import asyncio
import json
import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import Self
from urllib.parse import urlsplit

from attrs import define

from tests.integration.faults.client import Client
from tests.integration.faults.tcp_proxy import abort


def http_request(client: Client, method: str, path: str, body: object = None, **headers: str) -> bytes:
    """Returns the bytes of a request; underscores in names of headers mean hyphens."""
    content = b"" if body is None else json.dumps(body).encode()
    lines: Mapping[str, str] = {
        "host": "chatcore",
        **client.authorization,
        "content-type": "application/json",
        "content-length": str(len(content)),
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    head = f"{method} {client.root}{path} HTTP/1.1\r\n" + "".join(f"{name}: {lines[name]}\r\n" for name in lines)
    return head.encode() + b"\r\n" + content


@define(eq=False)
class RawConnection:
    """One TCP connection to a replica; at the end of ``async with`` it is broken, if it still stands."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @classmethod
    async def open(cls, base_url: str, *, receive_buffer: int | None = None) -> Self:
        """Connects; with a small buffer, the replica notices at once that nobody reads."""
        parts = urlsplit(base_url)
        sock = socket.socket()
        if receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, (parts.hostname, parts.port))
        # The limit is how much asyncio itself reads ahead.
        return cls(*await asyncio.open_connection(sock=sock, limit=receive_buffer or 2**16))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.reset()
        with suppress(ConnectionError):
            await self.writer.wait_closed()

    async def send(self, data: bytes) -> None:
        """Sends bytes."""
        self.writer.write(data)
        await self.writer.drain()

    async def until(self, mark: bytes) -> bytes:
        """Reads until `mark` comes."""
        return await self.reader.readuntil(mark)

    def half_close(self) -> None:
        """Says that nothing more will be sent; goes on to read."""
        self.writer.write_eof()

    def close(self) -> None:
        """Closes the sending half, with a FIN."""
        self.writer.close()

    def reset(self) -> None:
        """Aborts the connection, with a RST."""
        abort(self.writer)
