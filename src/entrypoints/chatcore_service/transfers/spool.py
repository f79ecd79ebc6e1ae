"""Keeps the parts of a long conversation in a temporary file until the conversation is whole."""

import marshal
from tempfile import SpooledTemporaryFile
from typing import IO, Any, Final

from attrs import define, field, frozen

#: Parts are kept in memory until they have so many bytes together.
MAX_BYTES_IN_MEMORY: Final = 1024 * 1024


@frozen
class Spooled:
    """A JSON value in a spool."""

    _spool: "Spool"
    _start: int
    _length: int

    def read(self) -> Any:  # noqa: ANN401 - a JSON value
        """Returns the value."""
        return self._spool.read(self._start, self._length)


@define(eq=False)
class Spool:
    """Keeps JSON values; what is on the disk has no name there and goes with the process."""

    _file: IO[bytes] = field(factory=lambda: SpooledTemporaryFile(MAX_BYTES_IN_MEMORY))  # noqa: SIM115 - see `close`
    _size: int = field(default=0, init=False)

    def put(self, value: Any) -> Spooled:  # noqa: ANN401 - a JSON value
        """Keeps a value.

        Raises:
            OSError: there is no room on the disk.
        """
        # Python keeps a text with an emoji in four bytes for each character. As JSON it would be copied three times on
        # its way to the file. This format copies it once, and keeps lone surrogates, which are repaired or refused
        # later.
        data = marshal.dumps(value)
        self._file.seek(self._size)
        self._file.write(data)
        spooled = Spooled(self, self._size, len(data))
        self._size += len(data)
        return spooled

    def read(self, start: int, length: int) -> Any:  # noqa: ANN401 - a JSON value
        """Returns a value that was kept."""
        self._file.seek(start)
        return marshal.loads(self._file.read(length))  # noqa: S302 - what `put` wrote

    def clear(self) -> None:
        """Forgets all values."""
        self._file.seek(0)
        self._file.truncate()
        self._size = 0

    def close(self) -> None:
        """Gives the room on the disk back."""
        self._file.close()
