"""Tests that all bytes are read, and that other tasks have their turn in between."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from attrs import define, field
from tests.unit.settling import settle

import chatcore_inference.http.epoll_reader
from chatcore_inference.http.epoll_reader import EpollReader


@define(eq=False)
class Receiver(asyncio.Protocol):
    """Keeps the bytes that it receives."""

    got: bytes = b""
    is_gone: bool = False
    causes: list[Exception | None] = field(factory=list)

    def data_received(self, data: bytes) -> None:
        self.got += data

    def lose(self, cause: Exception | None) -> None:
        self.is_gone = True
        self.causes.append(cause)


@pytest.fixture
async def epoll_reader() -> AsyncIterator[EpollReader]:
    epoll_reader = EpollReader()
    yield epoll_reader
    epoll_reader.close()


@pytest.fixture
def sockets() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


async def reading(epoll_reader: EpollReader, sockets: ExitStack, receiver: Receiver) -> socket.socket:
    """Returns the other side of a socket that is read for the receiver."""
    ours, theirs = socket.socketpair()
    sockets.enter_context(theirs)
    await be_read(epoll_reader, sockets, receiver, ours)
    return theirs


async def be_read(epoll_reader: EpollReader, sockets: ExitStack, receiver: Receiver, ours: socket.socket) -> None:
    transport, _ = await asyncio.get_running_loop().create_connection(lambda: receiver, sock=ours)
    sockets.callback(transport.abort)
    sockets.callback(epoll_reader.forget, receiver)
    epoll_reader.read_for(receiver, transport)


async def test_tasks_have_their_turn_while_there_is_much_to_read(
    epoll_reader: EpollReader, sockets: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chatcore_inference.http.epoll_reader, "_MOST_AT_ONCE", 2)
    receivers = [Receiver() for _ in range(9)]
    for theirs in [await reading(epoll_reader, sockets, receiver) for receiver in receivers]:
        theirs.send(b"a token")

    seen = []
    while not all(receiver.got for receiver in receivers):
        seen.append(sum(bool(receiver.got) for receiver in receivers))
        await asyncio.sleep(0)

    assert {2, 4, 6, 8} <= set(seen)


async def test_what_came_before_the_end_comes_and_then_the_end(epoll_reader: EpollReader, sockets: ExitStack) -> None:
    receiver = Receiver()
    theirs = await reading(epoll_reader, sockets, receiver)
    theirs.send(b"the last words")
    theirs.close()
    await settle()

    assert receiver.got == b"the last words"
    assert receiver.causes == [None]


async def test_a_failure_of_the_network_is_told(epoll_reader: EpollReader, sockets: ExitStack) -> None:
    receiver = Receiver()
    with socket.create_server(("127.0.0.1", 0)) as server:
        ours = socket.create_connection(server.getsockname())
        theirs, _ = server.accept()
    await be_read(epoll_reader, sockets, receiver, ours)
    # It is closed by a reset.
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    theirs.close()
    await settle()

    assert [type(cause) for cause in receiver.causes] == [ConnectionResetError]


async def test_a_failing_receiver_takes_nothing_from_others(epoll_reader: EpollReader, sockets: ExitStack) -> None:
    class Failing(Receiver):
        def data_received(self, data: bytes) -> None:  # noqa: ARG002 - the protocol's signature
            raise LookupError("a defect")

    told: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context["exception"]))
    receivers = [Receiver(), Failing(), Receiver()]
    for theirs in [await reading(epoll_reader, sockets, receiver) for receiver in receivers]:
        theirs.send(b"a token")
    await settle()

    assert [receiver.got for receiver in receivers] == [b"a token", b"", b"a token"]
    assert told == receivers[1].causes
    assert [type(error) for error in told] == [LookupError]


async def test_a_receiver_that_another_closed_is_given_nothing(epoll_reader: EpollReader, sockets: ExitStack) -> None:
    class Killer(Receiver):
        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            for receiver in receivers:
                receiver.is_gone = receiver is not self

    receivers = [Killer(), Killer()]
    for theirs in [await reading(epoll_reader, sockets, receiver) for receiver in receivers]:
        theirs.send(b"a token")
    await settle()

    assert sorted(receiver.got for receiver in receivers) == [b"", b"a token"]


async def test_who_is_forgotten_is_read_for_no_more(epoll_reader: EpollReader, sockets: ExitStack) -> None:
    receiver = Receiver()
    theirs = await reading(epoll_reader, sockets, receiver)
    epoll_reader.forget(receiver)
    epoll_reader.forget(receiver)
    theirs.send(b"a token")
    await settle()

    assert receiver.got == b""
