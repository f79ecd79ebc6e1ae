"""Reads our own format."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import attrs
from attrs import define, field

from chatcore import Conversation, Message, PartKind, Status, UserId
from chatcore.conversations.conversation import TitleSource
from chatcore.conversations.log import pieces_in
from chatcore.conversations.message import ConversationId, FinishReason, MessageId, Role
from chatcore.conversations.parts import data_part
from chatcore.errors import InvalidInputError
from chatcore.reply_error import ReplyError
from chatcore.transfers.checked import checked
from chatcore.transfers.made_anew import MadeAnew
from chatcore.transfers.stretches import stretches_of, text_of
from chatcore.transfers.transferred import TransferredConversation
from chatcore_service.transfers.fields import Fields, problem
from chatcore_service.transfers.json_items import Item, JsonItems, MalformedError
from chatcore_service.transfers.own_format import FORMAT, VERSION
from chatcore_service.transfers.reading import (
    CUT,
    ConversationReader,
    Found,
    Problem,
    UnknownFormatError,
)
from chatcore_service.transfers.spool import Spool, Spooled

_FLAGS: Final = tuple(each.name for each in attrs.fields(Conversation) if each.type is bool)
#: The names of the fields that are read, at any level.
FIELDS: Final = frozenset(
    {
        *("format", "version", "id", "title", "title_source", "model_tag", "head_id", "created_at", "updated_at"),
        *("instructions", "is_deleted", "messages", *_FLAGS),
        *("parent_id", "role", "content", "parts", "status", "error", "token_count", "inference_time_ms"),
        *("finish_reason", "usage", "cuts", "type", "text", "json"),
    }
)


@define
class OwnReader(ConversationReader):
    """Reads an export of ours, line by line. A line that is wrong is a problem, and the next one is read."""

    user_id: UserId
    held_bytes: int = field(default=0, init=False)
    _line: int = field(default=1, init=False)
    _items: JsonItems | None = field(default=None, init=False)
    _is_wrong: bool = field(default=False, init=False)
    _spool: Spool = field(factory=Spool, init=False)

    def feed(self, chunk: bytes) -> Iterator[Found | Problem]:
        """Yields the conversations of the lines that end in the next bytes, and the problems."""
        *ended, rest = chunk.split(b"\n")
        for part in ended:
            yield from self._part_of_line(part)
            yield from self._end_line("This line is not JSON.")
        yield from self._part_of_line(rest)
        self.held_bytes = self._items.held_bytes if self._items and not self._is_wrong else 0

    def close(self) -> None:
        """Gives the room on the disk back."""
        self._spool.close()

    def end(self) -> Iterator[Found | Problem]:
        """Yields the conversation of a last line without a line feed."""
        yield from self._end_line(CUT)
        if self._line == 1:
            raise UnknownFormatError

    def _part_of_line(self, part: bytes) -> Iterator[Found | Problem]:
        if self._is_wrong or (self._items is None and not part.strip()):
            return
        self._items = self._items or JsonItems(level=0, fields=FIELDS, spooled_field="messages", spool=self._spool)
        try:
            for item in self._items.feed(part):
                yield from self._read(item)
        except MalformedError:
            yield from self._wrong("This line is not JSON, or it has a text of more than 4 MiB.")

    def _end_line(self, unfinished: str) -> Iterator[Found | Problem]:
        if self._items is not None and not self._is_wrong:
            try:
                for item in self._items.end():
                    yield from self._read(item)
            except MalformedError:
                yield from self._wrong(unfinished)
        if self._items is None and self._line == 1:
            return  # Empty lines before the header count as none.
        self._line += 1
        self._items, self._is_wrong = None, False
        self._spool.clear()

    def _wrong(self, sentence: str) -> Iterator[Problem]:
        if self._line == 1:
            raise UnknownFormatError
        if not self._is_wrong:
            self._is_wrong = True
            yield Problem(self._line, sentence)

    def _read(self, item: Item) -> Iterator[Found | Problem]:
        if self._line == 1:
            _require_header(item.value)
            return
        try:
            if item.problem is not None:
                raise problem("The conversation", item.problem)
            line = Fields.of("The line", item.value)
            if not (line.has("is_deleted") and line.flag("is_deleted")):
                yield Found(self._line, _transferred(line, self.user_id))
        except InvalidInputError as error:
            self._is_wrong = True
            yield Problem(self._line, str(error))


def _require_header(value: object) -> None:
    try:
        header = Fields.of("", value)
        if header.text("format") == FORMAT and 1 <= header.whole("version") <= VERSION:
            return
    except InvalidInputError:
        pass
    raise UnknownFormatError


def _conversation(line: Fields, user_id: UserId) -> Conversation:
    head_id = line.optional(line.uuid, "head_id")
    return Conversation(
        id=ConversationId(line.uuid("id")),
        user_id=user_id,
        created_at=line.instant("created_at"),
        updated_at=line.instant("updated_at"),
        title=line.text("title"),
        title_source=line.choice("title_source", TitleSource),
        model_tag=line.text("model_tag"),
        head_id=None if head_id is None else MessageId(head_id),
        instructions=line.optional(line.text, "instructions"),
        **{name: line.flag(name) for name in _FLAGS if line.has(name)},  # type: ignore[arg-type] # the flags
    )


def _transferred(line: Fields, user_id: UserId) -> TransferredConversation:
    conversation, items = _conversation(line, user_id), line.items("messages")
    messages = MadeAnew(lambda: (_message(each, conversation) for each in _fields_of(items)), len(items))
    return checked(conversation, messages, _usages(items))


def _fields_of(items: Sequence[Spooled]) -> Iterator[Fields]:
    return (Fields.of("messages", item.read()) for item in items)


def _usages(items: Sequence[Spooled]) -> Mapping[MessageId, str]:
    return {MessageId(each.uuid("id")): each.text("usage") for each in _fields_of(items) if each.has("usage")}


def _message(each: Fields, conversation: Conversation) -> Message:
    parent_id = each.optional(each.uuid, "parent_id")
    stretches = stretches_of(map(_part, each.items("parts"))) if each.has("parts") else None
    status, error = _final_state(each, is_empty=not (stretches if stretches is not None else each.text("content")))
    return Message(
        id=MessageId(each.uuid("id")),
        conversation_id=conversation.id,
        user_id=conversation.user_id,
        parent_id=None if parent_id is None else MessageId(parent_id),
        position=1,
        role=each.choice("role", Role),
        content=each.text("content") if stretches is None else text_of(stretches),
        created_at=each.instant("created_at"),
        status=status,
        error=error,
        token_count=each.optional(each.whole, "token_count") or 0,
        model_tag=each.text("model_tag"),
        inference_time_ms=each.optional(each.whole, "inference_time_ms") or 0,
        finish_reason=each.choice("finish_reason", FinishReason) if each.has("finish_reason") else None,
        cuts=tuple(Fields({"cuts": cut}).whole("cuts") for cut in each.items("cuts")) if each.has("cuts") else (),
        pieces=pieces_in(stretches or ()),
    )


def _final_state(each: Fields, *, is_empty: bool) -> tuple[Status, ReplyError | None]:
    """Returns the status and the error; a reply that was being generated has broken off."""
    status = each.choice("status", Status)
    if status is Status.STREAMING:
        return Status.FAILED if is_empty else Status.INTERRUPTED, ReplyError.INFERENCE_INTERRUPTED
    return status, each.choice("error", ReplyError) if each.has("error") else None


def _part(item: object) -> tuple[PartKind, str]:
    part = Fields.of("parts", item)
    kind = part.choice("type", PartKind)
    return kind, data_part(part.text("json")).body if kind is PartKind.DATA else part.text("text")
