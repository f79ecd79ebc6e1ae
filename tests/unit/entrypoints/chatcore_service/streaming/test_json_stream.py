"""Tests how a document is sent while it is made, with a server that is played by the test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable

import pytest
from attrs import field, frozen
from starlette.types import Message
from tests.unit.conftest import until

from chatcore.errors import ConversationNotFoundError
from chatcore_service.streaming.direct_writer import ABORT
from chatcore_service.streaming.json_stream import JsonStream


@frozen
class Server:
    """Plays the server of one request: collects what is sent, and disconnects the caller."""

    sent: list[Message] = field(factory=list)
    has_room: asyncio.Event = field(factory=asyncio.Event)
    is_gone: asyncio.Event = field(factory=asyncio.Event)

    async def send(self, message: Message) -> None:
        await self.has_room.wait()
        self.sent.append(message)

    async def receive(self) -> Message:
        await self.is_gone.wait()
        return {"type": "http.disconnect"}

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)

    @property
    def is_complete(self) -> bool:
        return bool(self.sent) and self.sent[-1].get("more_body") is False


@frozen
class Document:
    """Makes a document of pieces, and records how many were made and whether the rest was given up."""

    pieces: list[bytes]
    error: Exception | None = None
    made: list[bytes] = field(factory=list)
    closed: list[bool] = field(factory=list)

    async def rest(self) -> AsyncGenerator[bytes]:
        try:
            for piece in self.pieces:
                await asyncio.sleep(0)
                self.made.append(piece)
                yield piece
            if self.error is not None:
                raise self.error
        finally:
            self.closed.append(True)


def respond(document: Document, server: Server, abort: Callable[[], object] | None = None) -> asyncio.Task[None]:
    """Starts to respond with the document."""
    scope = {"type": "http"} if abort is None else {"type": "http", ABORT: abort}
    rest = document.rest()
    return asyncio.create_task(JsonStream((b"[1", b",2"), rest)(scope, server.receive, server.send))


async def test_all_pieces_are_sent_in_their_order() -> None:
    server, document = Server(), Document([b",3", b"]"])
    server.has_room.set()

    await respond(document, server)

    assert (server.body, server.is_complete) == (b"[1,2,3]", True)
    assert (b"content-type", b"application/json") in server.sent[0]["headers"]


async def test_no_piece_is_made_before_the_previous_one_is_taken() -> None:
    server, document = Server(), Document([b",%d" % number for number in range(9)])
    responding = respond(document, server)
    for _ in range(20):
        await asyncio.sleep(0)
    assert document.made == []

    server.has_room.set()
    await until(lambda: b",0" in server.body)
    server.has_room.clear()
    made = len(document.made)
    for _ in range(20):
        await asyncio.sleep(0)

    assert len(document.made) <= made + 1
    server.has_room.set()
    await responding


async def test_nothing_more_is_made_for_a_caller_who_is_gone() -> None:
    server, document = Server(), Document([b",%d" % number for number in range(9)])
    responding = respond(document, server)
    await asyncio.sleep(0)

    server.is_gone.set()
    await asyncio.sleep(0)
    server.has_room.set()
    await responding

    assert len(document.made) <= 1


async def test_a_document_that_cannot_be_completed_is_broken_off() -> None:
    server, document = Server(), Document([b",3"], error=ConversationNotFoundError())
    server.has_room.set()

    await respond(document, server, abort=server.is_gone.set)

    assert server.is_gone.is_set()
    assert not server.is_complete


async def test_a_server_that_cannot_abort_gets_the_error() -> None:
    server, document = Server(), Document([b",3"], error=ConversationNotFoundError())
    server.has_room.set()

    with pytest.raises(ConversationNotFoundError):
        await respond(document, server)

    assert not server.is_complete


async def test_a_response_that_is_cancelled_gives_its_document_up() -> None:
    server, document = Server(), Document([b",3", b",4", b"]"])
    server.has_room.set()
    responding = respond(document, server)
    await until(lambda: document.made)

    responding.cancel()
    await asyncio.wait([responding])

    assert document.closed == [True]
