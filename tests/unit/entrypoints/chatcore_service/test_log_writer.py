"""The log writer keeps the order of lines, never blocks its callers, and counts what it drops."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from attrs import define, field

from chatcore_service.log_writer import LogWriter

PATIENCE_SECONDS = 10.0
MAX_BYTES = 64 * 1024


@define(eq=False)
class Pipe:
    """A pipe with a writer at one end. Nobody reads it until a test does."""

    reading_end: int
    writing_end: int
    dropped: list[int] = field(factory=list[int])
    _writers: list[LogWriter] = field(factory=list[LogWriter])

    def writer(self) -> LogWriter:
        """Returns a writer to the pipe."""
        writer = LogWriter(self.writing_end, max_bytes=MAX_BYTES, report_dropped=self.dropped.append)
        self._writers.append(writer)
        return writer

    def close(self) -> None:
        """Closes the pipe when no thread writes to it any more."""
        os.close(self.reading_end)
        for writer in self._writers:
            assert writer.flush(PATIENCE_SECONDS)
        os.close(self.writing_end)

    def read_line(self) -> bytes:
        """Reads the next line."""
        line = b""
        while not line.endswith(b"\n"):
            line += os.read(self.reading_end, 1)
        return line


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe(*os.pipe())
    yield pipe
    pipe.close()


def number(index: int) -> str:
    """Returns a line of 100 bytes, with its end."""
    return f"{index:099d}"


def test_lines_are_written_in_their_order(pipe: Pipe) -> None:
    writer = pipe.writer()
    for index in range(300):
        writer.line(number(index))

    assert writer.flush(PATIENCE_SECONDS)
    assert [int(pipe.read_line()) for _ in range(300)] == list(range(300))
    assert writer.dropped == 0


def test_every_level_writes_a_line(pipe: Pipe) -> None:
    writer = pipe.writer()
    for write in (writer.debug, writer.info, writer.warning, writer.error, writer.critical):
        write("x")

    assert writer.flush(PATIENCE_SECONDS)
    assert os.read(pipe.reading_end, 100) == b"x\n" * 5


def test_a_pipe_that_nobody_reads_holds_up_no_caller(pipe: Pipe) -> None:
    writer = pipe.writer()
    for index in range(10_000):
        writer.line(number(index))

    assert not writer.flush(0.01)
    # The queue is full. A pipe takes 64 KiB, and the thread holds one batch, unless the thread has not run yet.
    assert 10_000 - 2 * MAX_BYTES // 100 - 50 <= writer.dropped <= 10_000 - MAX_BYTES // 100


def test_every_dropped_line_is_reported_once_there_is_room(pipe: Pipe) -> None:
    writer = pipe.writer()
    for index in range(10_000):
        writer.line(number(index))
    dropped = writer.dropped

    written = [int(pipe.read_line()) for _ in range(10_000 - dropped)]
    assert written == sorted(set(written))
    writer.line("after")
    assert pipe.read_line() == b"after\n"
    assert writer.flush(PATIENCE_SECONDS)
    assert sum(pipe.dropped) == dropped


def test_a_pipe_whose_reader_has_ended_drops_lines_and_does_not_report_them() -> None:
    pipe = Pipe(*os.pipe())
    os.close(pipe.reading_end)
    writer = pipe.writer()
    writer.line("lost")

    assert writer.flush(PATIENCE_SECONDS)
    os.close(pipe.writing_end)
    assert (writer.dropped, pipe.dropped) == (1, [])


def test_a_non_blocking_pipe_is_waited_for(pipe: Pipe) -> None:
    os.set_blocking(pipe.writing_end, False)
    while True:
        try:
            os.write(pipe.writing_end, b"earlier\n")
        except BlockingIOError:
            break
    writer = pipe.writer()
    writer.line("waiting")
    assert not writer.flush(0.01)

    line = b""
    while line != b"waiting\n":
        line = pipe.read_line()
    assert writer.flush(PATIENCE_SECONDS)
    assert writer.dropped == 0


def test_text_beyond_ascii_is_escaped(pipe: Pipe) -> None:
    writer = pipe.writer()
    writer.line("a\udfffé")

    assert pipe.read_line() == b"a\\udfff\\xe9\n"


def test_without_a_descriptor_lines_are_lost() -> None:
    writer = LogWriter(None, report_dropped=list[int]().append)
    writer.line("lost")

    assert writer.flush(0)


def test_a_forked_process_writes_lines(pipe: Pipe) -> None:
    writer = pipe.writer()
    writer.line("parent")
    assert writer.flush(PATIENCE_SECONDS)
    child = os.fork()
    if child == 0:
        writer.line("child")
        os._exit(0 if writer.flush(PATIENCE_SECONDS) else 1)

    assert os.waitpid(child, 0)[1] == 0
    assert [pipe.read_line(), pipe.read_line()] == [b"parent\n", b"child\n"]
