"""The order and the number of writes of a response, its head and its body."""

import asyncio
from collections.abc import Iterable

import pytest

from chatcore_service.server.chunked_writer import ChunkedWriter
from chatcore_service.server.unread_body import LingeringTransport, Patience, UnreadBody

HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n"

Data = bytes | bytearray | memoryview


class Wire(asyncio.Transport):
    """Records each system call that a transport would make."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[bytes] = []
        self.is_closed = False

    def write(self, data: Data) -> None:
        self.calls.append(bytes(data))

    def writelines(self, list_of_data: Iterable[Data]) -> None:
        self.calls.append(b"".join(list_of_data))

    def get_write_buffer_size(self) -> int:
        return 0

    def resume_reading(self) -> None:
        pass

    def can_write_eof(self) -> bool:
        return False

    def close(self) -> None:
        self.is_closed = True

    def abort(self) -> None:
        self.is_closed = True


class Connection:
    """A lingering transport over a recording one."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.wire = Wire()
        self.writer = ChunkedWriter(self.wire)
        self.unread_body = UnreadBody(Patience(), loop, self.wire.close)
        self.transport = LingeringTransport(self.wire, loop, self.unread_body, self.writer)


@pytest.fixture
async def connection() -> Connection:
    return Connection()


async def test_head_and_body_are_written_together(connection: Connection) -> None:
    connection.transport.write(HEAD)
    connection.transport.write(b"body")

    assert connection.wire.calls == [HEAD + b"body"]
    await asyncio.sleep(0)
    assert connection.wire.calls == [HEAD + b"body"]


async def test_a_head_without_a_body_is_written_in_the_next_iteration(connection: Connection) -> None:
    connection.transport.write(HEAD)
    assert connection.wire.calls == []
    assert connection.transport.get_write_buffer_size() == len(HEAD)

    await asyncio.sleep(0)

    assert connection.wire.calls == [HEAD]
    connection.transport.write(b"late")
    assert connection.wire.calls == [HEAD, b"late"]


@pytest.mark.parametrize("data", [b"body", bytearray(HEAD), memoryview(HEAD), b"HTTP/1.1 is a protocol."])
async def test_data_other_than_a_head_is_written_at_once(connection: Connection, data: Data) -> None:
    connection.transport.write(data)

    assert connection.wire.calls == [bytes(data)]


async def test_the_direct_writer_does_not_overtake_a_head(connection: Connection) -> None:
    connection.transport.write(HEAD)
    assert not connection.writer.write(b"token")

    await asyncio.sleep(0)

    assert connection.writer.write(b"token")
    assert connection.wire.calls == [HEAD, b"5\r\ntoken\r\n"]


@pytest.mark.parametrize("is_mid_body", [False, True])
async def test_a_head_is_written_before_its_connection_is_closed(connection: Connection, *, is_mid_body: bool) -> None:
    connection.transport.is_mid_body = is_mid_body
    connection.transport.write(HEAD)

    connection.transport.close()
    connection.transport.write(b"late")
    connection.unread_body.forget()

    assert connection.wire.calls[0] == HEAD
    assert not connection.writer.write(b"late")


async def test_an_aborted_connection_sends_nothing_more(connection: Connection) -> None:
    connection.transport.write(HEAD)

    connection.transport.abort()
    await asyncio.sleep(0)

    assert connection.wire.calls == []
    assert connection.wire.is_closed
