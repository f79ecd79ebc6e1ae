"""A token source: the inference and the auth service of the benchmark, as cheap as Python makes them.

Every token says when it was made, by the clock that all processes of a machine share, and which one it is, so that the
load client can tell what became of it. A bearer token is taken for the name of its user.
"""

import argparse
import asyncio
import time

import orjson
import uvloop

PERIOD_SECONDS = 0.05
# One timer for all streams that are due within the same moment: a timer for each would cost as much as its tokens.
_SLOTS = 25

_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_CLOSING = b'data: {"done":true}\n\n'


class Wheel:
    """Lets each stream have its next token, twenty times a second."""

    def __init__(self, tokens: int) -> None:
        self.tokens = tokens
        self._slots: list[list[Stream]] = [[] for _ in range(_SLOTS)]
        self._next = 0

    def add(self, stream: "Stream") -> None:
        """The first token comes with the next turn."""
        self._slots[self._next].append(stream)

    async def turn(self) -> None:
        """Turns for ever."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due += PERIOD_SECONDS / _SLOTS
            await asyncio.sleep(max(0.0, due - loop.time()))
            slot = self._slots[self._next]
            self._slots[self._next] = [stream for stream in slot if stream.go_on()]
            self._next = (self._next + 1) % _SLOTS


class Stream:
    """One reply being made."""

    def __init__(self, transport: asyncio.Transport, tokens: int) -> None:
        self._transport = transport
        self._tokens = tokens
        self._sent = 0
        transport.write(_HEAD)

    def go_on(self) -> bool:
        """Sends the next token, or the end; returns whether there is more."""
        if self._transport.is_closing():
            return False
        if self._sent == self._tokens:
            self._transport.write(_chunk(_CLOSING) + b"0\r\n\r\n")
            return False
        micros = time.monotonic_ns() // 1000
        self._transport.write(_chunk(b'data: {"token":"t=%d;%d ","gpu":0}\n\n' % (micros, self._sent)))
        self._sent += 1
        return True


class Connection(asyncio.Protocol):
    """Requests whose head and body come whole, as small ones do."""

    def __init__(self, wheel: Wheel) -> None:
        self._wheel = wheel
        self._transport: asyncio.Transport | None = None
        self._pending = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody has come."""
        self._transport = transport  # type: ignore[assignment] # a socket's

    def data_received(self, data: bytes) -> None:
        """Answers each request that is complete."""
        self._pending += data
        while request := self._complete_request():
            self._answer(*request)

    def _complete_request(self) -> tuple[bytes, bytes] | None:
        head, blank, rest = self._pending.partition(b"\r\n\r\n")
        size = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
        if not blank or len(rest) < size:
            return None
        self._pending = rest[size:]
        return head.partition(b" HTTP")[0], rest[:size]

    def _answer(self, target: bytes, body: bytes) -> None:
        assert self._transport is not None  # noqa: S101 - for the type checker
        if target == b"POST /generate":
            self._wheel.add(Stream(self._transport, self._wheel.tokens))
        elif target == b"POST /auth/validate":
            user = orjson.loads(body)["token"]
            self._transport.write(_json({"valid": True, "user": {"id": user}, "claims": {"sub": user}}))
        else:
            self._transport.write(_json({"status": "ok"}))


def _json(document: dict[str, object]) -> bytes:
    body = orjson.dumps(document)
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)


def _chunk(body: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(body), body)


async def serve(port: int, tokens: int) -> None:
    """Serves for ever."""
    wheel = Wheel(tokens)
    server = await asyncio.get_running_loop().create_server(lambda: Connection(wheel), "127.0.0.1", port, backlog=4096)
    async with server:
        await wheel.turn()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--tokens", type=int, required=True)
    options = parser.parse_args()
    uvloop.run(serve(options.port, options.tokens))
