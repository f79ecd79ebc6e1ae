"""Writes log lines in a separate thread, so that the event loop never waits for the reader of the log.

A pipe that nobody reads, or a disk that hangs, blocks only that thread. The size of the waiting lines is bounded;
further lines are dropped and counted.
"""

import os
import select
import threading
from collections import deque
from collections.abc import Callable
from time import sleep

#: Most bytes that wait to be written.
MAX_BYTES = 4 * 1024 * 1024

# A pipe does not mix a write of this size with the writes of other processes.
_BATCH_BYTES = select.PIPE_BUF
# The thread rests when it has written all lines, because each wake-up takes the interpreter away from the event loop.
_PAUSE_SECONDS = 0.005


class LogWriter:
    """Writes lines to a file descriptor, in order.

    Args:
        descriptor: the file to write to; None drops all lines.
        max_bytes: the most bytes that wait.
        report_dropped: called in the writer's thread with the number of lines dropped since the last call, once there
            is room again.
    """

    def __init__(
        self, descriptor: int | None, *, max_bytes: int = MAX_BYTES, report_dropped: Callable[[int], object]
    ) -> None:
        self._descriptor = descriptor
        self._max_bytes = max_bytes
        self._report_dropped = report_dropped
        self._dropped = 0
        self._reset()
        # A forked process has no threads but the one that forked.
        os.register_at_fork(after_in_child=self._reset)

    def _reset(self) -> None:
        # The lock is reentrant, because a finalizer may log a line while its thread adds another one.
        lock = threading.RLock()
        self._filled = threading.Condition(lock)
        self._emptied = threading.Condition(lock)
        self._lines: deque[bytes] = deque()
        self._bytes = 0
        self._is_writing = False
        self._reported = self._dropped
        self._thread: threading.Thread | None = None

    @property
    def dropped(self) -> int:
        """Returns how many lines were dropped so far."""
        return self._dropped

    def line(self, text: str) -> None:
        """Adds a line, or drops the line if too many bytes wait. The text must be ASCII without line ends."""
        if self._descriptor is None:
            return
        line = text.encode("ascii", "backslashreplace") + b"\n"
        with self._filled:
            if self._bytes + len(line) > self._max_bytes:
                self._dropped += 1
                return
            self._lines.append(line)
            self._bytes += len(line)
            self._filled.notify()
            if self._thread is None:
                self._thread = threading.Thread(target=self._write_on, name="log writer", daemon=True)
                self._thread.start()

    # structlog calls the method with the name of the level.
    debug = info = warning = error = critical = line

    def flush(self, seconds: float) -> bool:
        """Waits until all lines are written, for at most `seconds`; returns whether all lines are written."""
        with self._emptied:
            return self._emptied.wait_for(lambda: not self._lines and not self._is_writing, seconds)

    def _write_on(self) -> None:
        while True:
            batch = self._take()
            is_written = self._write(b"".join(batch))
            with self._filled:
                self._is_writing = False
                if not is_written:
                    self._dropped += len(batch)
                dropped = self._dropped - self._reported
                has_room = self._bytes <= self._max_bytes // 2
            if is_written and dropped and has_room:
                self._reported += dropped
                self._report_dropped(dropped)
            if not self._lines:
                with self._emptied:
                    self._emptied.notify_all()
                sleep(_PAUSE_SECONDS)

    def _take(self) -> list[bytes]:
        """Returns the oldest lines, at least one and otherwise no more than a pipe takes at once."""
        with self._filled:
            self._filled.wait_for(lambda: self._lines)
            self._is_writing = True
            batch = [self._lines.popleft()]
            size = len(batch[0])
            while self._lines and size + len(self._lines[0]) <= _BATCH_BYTES:
                batch.append(self._lines.popleft())
                size += len(batch[-1])
            self._bytes -= size
        return batch

    def _write(self, data: bytes) -> bool:
        """Writes all bytes, however long that takes; returns False if the file cannot be written to."""
        assert self._descriptor is not None  # noqa: S101 - the thread runs only with a descriptor
        while data:
            try:
                data = data[os.write(self._descriptor, data) :]
            except BlockingIOError:
                # Another program has made the pipe non-blocking.
                poll = select.poll()
                poll.register(self._descriptor, select.POLLOUT)
                poll.poll()
            except OSError:
                # The disk is full, or the reader of the pipe has ended.
                return False
        return True
