"""Defines the query and the document of an opened conversation, and encodes the document while messages are read."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from typing import Annotated, Literal

import orjson
from attrs import frozen
from starlette.types import ASGIApp

from chatcore import Message, MessageSlice, OpenConversation, PathCursor, PathRequest
from chatcore.conversations.listing import DEFAULT_PAGE, MAX_PAGE
from chatcore.conversations.path import MAX_PATH_PAGE_BYTES, PATH_CURSOR_PATTERN, WHOLE_PATH
from chatcore_service.api.conversation_responses import ConversationDocument, conversation_json
from chatcore_service.api.message_document import MessageDocument, message_json
from chatcore_service.api.parts import MAX_CHARS, PartsEncoder, json_text
from chatcore_service.http.encoding import json_bytes_response
from chatcore_service.http.fields import Doc, Keywords, Rule
from chatcore_service.streaming.json_stream import JsonStream

#: A piece of the document is sent as soon as the piece has this size.
PIECE_BYTES = 64 * 1024
# A document of at most this many pieces is sent as one response with a length, which takes one write and no task. An
# ordinary conversation is one slice of messages, and its document has one or two pieces.
_MAX_PIECES_OF_ONE_RESPONSE = 2

_NO_CONTENT = b'"content":""'


@frozen(kw_only=True)
class OpenQuery:
    """The choice of a conversation's messages that the caller requests."""

    branches: Annotated[
        Literal["active", "all"],
        Doc(
            "`active`: the messages of the active branch. `all`: every message of the tree, in order of creation; "
            "`limit` and `before` are ignored."
        ),
    ] = "active"
    limit: (
        Annotated[
            int,
            Rule(lambda value: PathRequest(limit=value)),
            Keywords(minimum=1, maximum=MAX_PAGE),
            Doc(
                "Requests a page with at most this many of the newest messages. A page has fewer when its messages "
                f"have more than {MAX_PATH_PAGE_BYTES // 1024} KiB of text, but at least one. Without `limit` and "
                "`before`, all messages are returned."
            ),
        ]
        | None
    ) = None
    before: (
        Annotated[
            str,
            Rule(PathCursor.decode),
            Keywords(pattern=PATH_CURSOR_PATTERN),
            Doc(
                "The `previous_cursor` of a page: requests the messages before that page, on the same branch. The "
                f"page has at most {DEFAULT_PAGE} messages unless there is a `limit`."
            ),
        ]
        | None
    ) = None

    @property
    def is_page(self) -> bool:
        """Returns whether the caller requests a page of the active branch."""
        return self.branches == "active" and (self.limit is not None or self.before is not None)

    def path_request(self) -> PathRequest:
        """Returns the request for the core."""
        if not self.is_page:
            return WHOLE_PATH
        before = None if self.before is None else PathCursor.decode(self.before)
        return PathRequest(limit=DEFAULT_PAGE if self.limit is None else self.limit, before=before)


@frozen(kw_only=True)
class OpenConversationDocument(ConversationDocument):
    """A conversation with its messages."""

    previous_cursor: Annotated[
        Annotated[str, Keywords(pattern=PATH_CURSOR_PATTERN)] | None,
        Doc("In a page: the `before` of the page with older messages; null if there are none."),
    ] = None
    messages: Annotated[list[MessageDocument], Doc("Oldest first.")]


async def open_conversation_response(opened: OpenConversation, *, is_page: bool) -> ASGIApp:
    """Returns the response with an opened conversation. A large conversation is read while the response is sent.

    Raises:
        MessageNotFoundError: the conversation was deleted meanwhile.
        StorageUnavailableError: the storage cannot be read any more.
    """
    pieces = _pieces(opened, is_page=is_page)
    begun: list[bytes] = []
    async for piece in pieces:
        begun.append(piece)
        if len(begun) > _MAX_PIECES_OF_ONE_RESPONSE:
            return JsonStream(begun, pieces)
    return json_bytes_response(b"".join(begun))


async def _pieces(opened: OpenConversation, *, is_page: bool) -> AsyncGenerator[bytes]:
    """Encodes the document in pieces, which exceed PIECE_BYTES by less than the last encoded text."""
    document = conversation_json(opened.conversation)
    if is_page:
        cursor = opened.previous_cursor
        document["previous_cursor"] = None if cursor is None else cursor.encode()
    piece = bytearray(orjson.dumps({**document, "messages": []}).removesuffix(b"]}"))
    async for encoded in _messages(opened):
        piece += encoded
        if len(piece) >= PIECE_BYTES:
            yield bytes(piece)
            piece.clear()
    piece += b"]}"
    yield bytes(piece)


async def _messages(opened: OpenConversation) -> AsyncIterator[bytes]:
    """Encodes the messages as the items of an array, without its brackets."""
    separator = b""
    async for slice_ in opened.slices():
        for batch in _batches(slice_.messages):
            yield separator
            separator = b","
            # A message that is not whole is a slice of its own.
            if batch[0].log_length > MAX_CHARS or not slice_.is_whole:
                async for encoded in _long_message(opened, slice_, batch[0]):
                    yield encoded
            else:
                yield orjson.dumps([message_json(message) for message in batch])[1:-1]


def _batches(messages: Sequence[Message]) -> Iterator[Sequence[Message]]:
    """Divides messages into batches that can be encoded at once; a longer message is a batch of its own."""
    start, chars = 0, 0
    for index, message in enumerate(messages):
        chars += message.log_length
        if chars > MAX_CHARS and index > start:
            yield messages[start:index]
            start, chars = index, message.log_length
    if messages:
        yield messages[start:]


async def _long_message(opened: OpenConversation, slice_: MessageSlice, message: Message) -> AsyncIterator[bytes]:
    """Encodes a message in pieces, and reads the rest of its text if the slice has only the first section."""
    document = {**message_json(message), "content": ""}
    before, _ = orjson.dumps(document).split(_NO_CONTENT, 1)
    yield before + b'"content":"'
    for encoded in json_text(message.content):
        yield encoded
    text_length = len(message.content)
    if not slice_.is_whole:
        async for section in opened.sections_after(message):
            text_length += len(section)
            for encoded in json_text(section):
                yield encoded
    yield b'"'
    length = message.log_length if slice_.is_whole else text_length
    if not slice_.is_whole and slice_.has_pieces:
        parts = PartsEncoder()
        async for stretch in opened.stretches_of(message, text_length):
            for encoded in parts.encode(stretch):
                yield encoded
        yield parts.end()
        length = parts.length
    # A reply that is being generated may have grown since the slice was read.
    _, after = orjson.dumps({**document, "stream_id": message.stream_id_at(length)}).split(_NO_CONTENT, 1)
    yield after
