"""Writes an export in our own format while the conversations are read."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from datetime import datetime
from typing import Any, Final

import attrs
import orjson

from chatcore import Conversation, Message, MessageId, MessageSlice, OpenConversation, PartKind, Stretch, User
from chatcore.errors import MessageNotFoundError
from chatcore.transfers.use_cases import Transfers
from chatcore_service.transfers.own_format import header_line

#: A piece of the export is handed on as soon as it has this size.
PIECE_BYTES: Final = 64 * 1024
# The rest follows from the place of the object.
_LEFT_OUT_OF_CONVERSATION = {"user_id", "active_reply_id"}
_LEFT_OUT_OF_MESSAGE = {"conversation_id", "user_id", "position", "siblings", "content", "pieces", "cuts"}
_ALL = 2**62


async def written(transfers: Transfers, user: User, now: datetime) -> AsyncGenerator[bytes]:
    """Yields the export of all conversations of a user in pieces; the first one is the header.

    Raises:
        StorageUnavailableError: the storage cannot be read any more. The export ends in the middle of a line then.
    """
    yield header_line(now)
    piece = bytearray()
    async for opened in transfers.export(user):
        async for encoded in _line(transfers, user, opened):
            piece += encoded
            if len(piece) >= PIECE_BYTES:
                yield bytes(piece)
                piece.clear()
    if piece:
        yield bytes(piece)


async def _line(transfers: Transfers, user: User, opened: OpenConversation) -> AsyncIterator[bytes]:
    yield orjson.dumps({**_conversation(opened.conversation), "messages": []}).removesuffix(b"]}")
    separator, end = b"", b"]}\n"
    try:
        async for slice_ in opened.slices():
            ids = [message.id for message in slice_.messages]
            usages = await transfers.usages(user, opened.conversation.id, ids)
            for message in slice_.messages:
                yield separator
                separator = b","
                is_cut = message is slice_.messages[-1] and not slice_.is_whole
                if not is_cut and not message.pieces:
                    yield orjson.dumps({**_message(message, usages), "content": message.content})
                    continue
                async for encoded in _in_parts(opened, slice_ if is_cut else None, message, usages):
                    yield encoded
    except MessageNotFoundError:
        # The conversation was deleted meanwhile; whoever imports the file passes over it.
        end = b'],"is_deleted":true}\n'
    yield end


def _conversation(conversation: Conversation) -> dict[str, Any]:
    return attrs.asdict(conversation, filter=lambda field, _: field.name not in _LEFT_OUT_OF_CONVERSATION)


def _message(message: Message, usages: Mapping[MessageId, str]) -> dict[str, Any]:
    """Returns the fields of a message without its text; a field that is not there is null."""
    document = attrs.asdict(
        message, filter=lambda field, value: field.name not in _LEFT_OUT_OF_MESSAGE and value is not None
    )
    document |= {"cuts": message.cuts} if message.cuts else {}
    return document | ({"usage": usages[message.id]} if message.id in usages else {})


async def _in_parts(
    opened: OpenConversation, slice_: MessageSlice | None, message: Message, usages: Mapping[MessageId, str]
) -> AsyncIterator[bytes]:
    """Encodes a message whose text comes in parts. A long one is read in sections, of which each is a part."""
    yield orjson.dumps({**_message(message, usages), "parts": []}).removesuffix(b"]}")
    separator = b""
    async for stretch in _stretches(opened, slice_, message):
        yield separator + _part(stretch)
        separator = b","
    yield b"]}"


async def _stretches(opened: OpenConversation, slice_: MessageSlice | None, message: Message) -> AsyncIterator[Stretch]:
    if slice_ is None:
        for stretch in message.log.stretches(0, _ALL):
            yield stretch
    elif slice_.has_pieces:
        async for stretch in opened.stretches_of(message, _ALL):
            yield stretch
    else:
        yield Stretch(message.content, len(message.content))
        async for section in opened.sections_after(message):
            yield Stretch(section, 0)


def _part(stretch: Stretch) -> bytes:
    # Data is written as a text, because its own text must survive: reading JSON and writing it again changes it.
    name = "json" if stretch.kind is PartKind.DATA else "text"
    return orjson.dumps({"type": stretch.kind, name: stretch.text})
