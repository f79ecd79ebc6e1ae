"""Reads the export of ChatGPT: an array of conversations, in one file or in several."""

from collections.abc import Iterator
from typing import Final

from attrs import define, field

from chatcore import UserId
from chatcore.errors import InvalidInputError
from chatcore_service.transfers.chatgpt_conversation import FIELDS, SPOOLED_FIELD, to_conversation
from chatcore_service.transfers.fields import problem
from chatcore_service.transfers.json_items import Item, JsonItems, MalformedError
from chatcore_service.transfers.reading import CUT, MALFORMED, ConversationReader, Found, Problem
from chatcore_service.transfers.spool import Spool

_ARRAY_LEVEL: Final = 1


@define
class ChatGptReader(ConversationReader):
    """Reads an array of conversations. The number of a problem's line is that of the conversation, from 1.

    ChatGPT writes all conversations of a file into one line.
    """

    user_id: UserId
    max_title_chars: int
    held_bytes: int = field(default=0, init=False)
    _spool: Spool = field(factory=Spool, init=False)
    _items: JsonItems = field(init=False)
    _number: int = field(default=0, init=False)
    _is_over: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        self._items = JsonItems(_ARRAY_LEVEL, FIELDS, SPOOLED_FIELD, self._spool)

    def feed(self, chunk: bytes) -> Iterator[Found | Problem]:
        """Yields the conversations that end in the next bytes, and the problems."""
        if self._is_over:
            return
        try:
            for item in self._items.feed(chunk):
                yield from self._read(item)
        except MalformedError:
            self._is_over = True
            yield Problem(self._number + 1, MALFORMED)
        self.held_bytes = 0 if self._is_over else self._items.held_bytes

    def close(self) -> None:
        """Gives the room on the disk back."""
        self._spool.close()

    def end(self) -> Iterator[Found | Problem]:
        """Yields a problem if the array is not closed."""
        if not self._is_over:
            try:
                for item in self._items.end():
                    yield from self._read(item)
            except MalformedError:
                yield Problem(self._number + 1, CUT)

    def _read(self, item: Item) -> Iterator[Found | Problem]:
        self._number += 1
        try:
            if item.problem is not None:
                raise problem("The conversation", item.problem)
            yield Found(self._number, to_conversation(item.value, self.user_id, self.max_title_chars))
        except InvalidInputError as error:
            yield Problem(self._number, str(error))
