"""Defines what the readers of all formats return."""

from abc import ABC, abstractmethod
from collections.abc import Iterator

from attrs import frozen

from chatcore.transfers.transferred import TransferredConversation

#: A reader is given so many bytes at once: what it does with them takes a few milliseconds.
MAX_CHUNK_BYTES = 16 * 1024

CUT = "The file ends in the middle of a conversation; everything before it was read."
MALFORMED = (
    "This is not JSON, or has a text of more than 4 MiB or a number of more than 64 bits; nothing after it was read."
)


@frozen
class Problem:
    """Says why a conversation is not imported."""

    #: The number of the line, or of the conversation where the whole file is one line, from 1.
    line: int
    problem: str


@frozen
class Found:
    """A conversation that was found."""

    line: int
    conversation: TransferredConversation


class UnknownFormatError(Exception):
    """Reports that a file has none of the formats that can be imported."""


class ConversationReader(ABC):
    """Finds conversations in the bytes of a file, which are fed in chunks of at most MAX_CHUNK_BYTES.

    A conversation has to be stored before the next one is asked for: its messages are read from a file for one at a
    time.
    """

    #: About how many bytes of a conversation that has not ended are in memory.
    held_bytes: int = 0

    @abstractmethod
    def close(self) -> None:
        """Gives the room on the disk back."""

    @abstractmethod
    def feed(self, chunk: bytes) -> Iterator[Found | Problem]:
        """Yields what the next bytes complete.

        Raises:
            UnknownFormatError: this is no file of this format.
        """

    @abstractmethod
    def end(self) -> Iterator[Found | Problem]:
        """Yields what the end of the file completes.

        Raises:
            UnknownFormatError: this is no file of this format.
        """
