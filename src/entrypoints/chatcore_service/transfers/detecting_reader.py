"""Finds out which format a file has, and reads it."""

from collections.abc import Iterator

from attrs import define, field

from chatcore import UserId
from chatcore_service.transfers.chatgpt_reader import ChatGptReader
from chatcore_service.transfers.own_reader import OwnReader
from chatcore_service.transfers.reading import ConversationReader, Found, Problem, UnknownFormatError

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_WHITE_SPACE = b" \t\r\n"


@define
class DetectingReader(ConversationReader):
    """Reads our own format, whose header is an object, or ChatGPT's, which is an array."""

    user_id: UserId
    max_title_chars: int
    #: The only format that is accepted; None for both.
    only: type[ConversationReader] | None = None
    _reader: ConversationReader | None = field(default=None, init=False)
    _begun: bytes = field(default=b"", init=False)

    @property
    def held_bytes(self) -> int:  # type: ignore[override] # it is the reader's
        """Returns how many bytes the reader of the format holds."""
        return self._reader.held_bytes if self._reader else len(self._begun)

    def feed(self, chunk: bytes) -> Iterator[Found | Problem]:
        """Yields what the reader of the format finds."""
        if self._reader is None:
            chunk = self._begun + chunk
            # A chunk may end within the mark.
            if _BYTE_ORDER_MARK.startswith(chunk):
                self._begun = chunk
                return
            chunk = chunk.removeprefix(_BYTE_ORDER_MARK).lstrip(_WHITE_SPACE)
            self._begun = b""
            if not chunk:
                return
            self._reader = self._reader_of(chunk[:1])
            if self.only is not None and not isinstance(self._reader, self.only):
                raise UnknownFormatError
        yield from self._reader.feed(chunk)

    def end(self) -> Iterator[Found | Problem]:
        """Yields what the reader of the format finds at the end."""
        if self._reader is None:
            raise UnknownFormatError
        yield from self._reader.end()

    def close(self) -> None:
        """Closes the reader of the format."""
        if self._reader is not None:
            self._reader.close()

    def _reader_of(self, first: bytes) -> ConversationReader:
        if first == b"[":
            return ChatGptReader(self.user_id, self.max_title_chars)
        if first == b"{":
            return OwnReader(self.user_id)
        raise UnknownFormatError
