"""Reads many sockets through one epoll object, a limited number at a time.

An event loop on libuv reads up to 48 times 1,024 sockets before any other task runs. With 1,700 streams on a core that
were all a little behind, a task waited for up to 0.9 s at each of its waits, and turns could not begin. This reader
lets other tasks run after each batch of reads.
"""

import asyncio
import os
import select
from typing import Protocol, cast

# A batch of this many tokens takes some two milliseconds.
_MOST_AT_ONCE = 128
# A token has a hundred bytes. Bytes that exceed one read wait for the next batch.
_MOST_BYTES = 16 * 1024


class Receiver(Protocol):
    """Receives the bytes of one socket."""

    #: Whether the receiver wants no more bytes.
    is_gone: bool

    def data_received(self, data: bytes) -> None:
        """Takes the next bytes."""

    def lose(self, cause: Exception | None) -> None:
        """Reports that no more bytes come, because of a network error or (None) because the other side closed."""


class EpollReader:
    """Reads for many receivers in place of their transports; works on Linux, in the event loop that created it."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._epoll = select.epoll()
        self._receivers: dict[int, Receiver] = {}
        self._files: dict[Receiver, int] = {}
        self._loop.add_reader(self._epoll.fileno(), self._read_ready)

    def read_for(self, receiver: Receiver, transport: asyncio.BaseTransport) -> None:
        """Starts to read for `receiver`, whose transport then only writes. A repeated call does nothing.

        The transport must stay open until :meth:`forget`.
        """
        if receiver in self._files or transport.is_closing():
            return
        cast("asyncio.Transport", transport).pause_reading()  # uvloop's transports do not inherit the class.
        file = transport.get_extra_info("socket").fileno()
        self._receivers[file] = receiver
        self._files[receiver] = file
        self._epoll.register(file, select.EPOLLIN)

    def forget(self, receiver: Receiver) -> None:
        """Stops reading for `receiver`; does nothing for an unknown receiver."""
        file = self._files.pop(receiver, None)
        if file is not None:
            del self._receivers[file]
            self._epoll.unregister(file)

    def close(self) -> None:
        """Stops reading for all receivers."""
        self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()
        self._receivers.clear()
        self._files.clear()

    def _read_ready(self) -> None:
        # All sockets are read before any data is passed on, because each step is faster when repeated in a row.
        for receiver, data in [self._read(file) for file, _ in self._epoll.poll(0, _MOST_AT_ONCE)]:
            # A receiver may be gone by now, because of the data that another receiver was given.
            if receiver.is_gone:
                continue
            try:
                if data:
                    receiver.data_received(data)
                elif data is not None:
                    receiver.lose(None)
            except Exception as error:  # noqa: BLE001 - the others' bytes have been read and must not be lost
                self._loop.call_exception_handler({"message": "what was read was not taken", "exception": error})
                receiver.lose(error)

    def _read(self, file: int) -> tuple[Receiver, bytes | None]:
        """Returns the receiver with its bytes: empty at the end of the stream, None if no bytes have arrived."""
        receiver = self._receivers[file]
        try:
            return receiver, os.read(file, _MOST_BYTES)
        except BlockingIOError:
            pass
        except OSError as error:
            receiver.lose(error)
        return receiver, None
