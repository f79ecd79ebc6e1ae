"""Reads what comes from the inference service: from all sockets by one epoll object, so many at a time.

An event loop on libuv reads up to 48 times 1,024 sockets before anything else gets a turn. With 1,700 streams on a core
that were all a little behind, tasks waited for up to 0.9 s, each time that they waited for anything: turns could not
begin. Here they have their turn after so many reads.
"""

import asyncio
import os
import select
from typing import Protocol, cast

# Some two milliseconds of tokens.
_MOST_AT_ONCE = 128
# A token has a hundred bytes; what is left of much is read with the next turn.
_MOST_BYTES = 16 * 1024


class Receiver(Protocol):
    """Whom a socket's bytes are for."""

    #: Whether it wants none any more.
    is_gone: bool

    def data_received(self, data: bytes) -> None:
        """The next bytes."""

    def lose(self, cause: Exception | None) -> None:
        """There will be no more: the network failed, or (None) the other side closed."""


class EpollReader:
    """Reads for many, in place of their transports. Linux only; made in the event loop that will use it."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._epoll = select.epoll()
        self._receivers: dict[int, Receiver] = {}
        self._files: dict[Receiver, int] = {}
        self._loop.add_reader(self._epoll.fileno(), self._look)

    def read_for(self, receiver: Receiver, transport: asyncio.BaseTransport) -> None:
        """From now on the transport only writes. It must not be closed before :meth:`forget`; again does nothing."""
        if receiver in self._files or transport.is_closing():
            return
        cast("asyncio.Transport", transport).pause_reading()  # Sockets can; uvloop's do not say so.
        file = transport.get_extra_info("socket").fileno()
        self._receivers[file] = receiver
        self._files[receiver] = file
        self._epoll.register(file, select.EPOLLIN)

    def forget(self, receiver: Receiver) -> None:
        """Reads no more for it; again, or for a stranger, does nothing."""
        file = self._files.pop(receiver, None)
        if file is not None:
            del self._receivers[file]
            self._epoll.unregister(file)

    def close(self) -> None:
        """Reads for nobody any more."""
        self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()
        self._receivers.clear()
        self._files.clear()

    def _look(self) -> None:
        # First all is read and then all is handed on: either goes faster for being done many times in a row.
        for receiver, data in [self._read(file) for file, _ in self._epoll.poll(0, _MOST_AT_ONCE)]:
            # One that was read for may be gone by what another one was told.
            if receiver.is_gone:
                continue
            try:
                if data:
                    receiver.data_received(data)
                elif data is not None:
                    receiver.lose(None)
            except Exception as error:  # noqa: BLE001 - the others' bytes are read, and must not be lost with it
                self._loop.call_exception_handler({"message": "what was read was not taken", "exception": error})
                receiver.lose(error)

    def _read(self, file: int) -> tuple[Receiver, bytes | None]:
        """What there is, nothing at the end, or None where there is nothing yet."""
        receiver = self._receivers[file]
        try:
            return receiver, os.read(file, _MOST_BYTES)
        except BlockingIOError:
            pass
        except OSError as error:
            receiver.lose(error)
        return receiver, None
