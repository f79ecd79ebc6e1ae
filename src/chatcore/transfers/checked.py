"""Checks a conversation that comes from elsewhere, so that it can be stored."""

import json
from collections.abc import Collection, Iterator, Mapping
from typing import cast

from attrs import evolve

from chatcore.conversations.conversation import Conversation
from chatcore.conversations.log import log_length
from chatcore.conversations.message import Message, MessageId, Role, Status
from chatcore.conversations.parts import MAX_DATA_BYTES, MAX_DATA_PARTS, PartKind, is_readable
from chatcore.errors import FieldProblem, InvalidInputError
from chatcore.input_limits import MAX_CONTENT_CHARS, MAX_MODEL_TAG_CHARS, MAX_TITLE_CHARS
from chatcore.ports.inference import RESERVED_KEYS
from chatcore.text import is_encodable, require_text
from chatcore.transfers.made_anew import MadeAnew
from chatcore.transfers.transferred import TransferredConversation

#: The longest text of a message, in code points. Messages of other services may be longer than ours.
MAX_TEXT_CHARS = 16 * 1024 * 1024
# The largest value of the columns for counts, and of generations of one reply.
_MAX_COUNT = 2**31 - 1
_MAX_CUTS = 1000


def checked(
    conversation: Conversation, messages: Collection[Message], usages: Mapping[MessageId, str]
) -> TransferredConversation:
    """Returns the conversation with its messages, which count from 1 and belong to it.

    Args:
        conversation: the conversation. Without a head, the last message becomes the head.
        messages: the messages, each after its parent. They are iterated over once here, and again by the storage.
        usages: what replies cost, as JSON objects.

    Raises:
        InvalidInputError: a text cannot be stored, a number is out of its range, an id comes twice, a parent does not
            precede its child, the head is no message of the conversation, or parts are not as ours can be.
    """
    require_text("title", conversation.title, max_chars=MAX_TITLE_CHARS)
    require_text("model_tag", conversation.model_tag, max_chars=MAX_MODEL_TAG_CHARS)
    if conversation.instructions is not None:
        require_text("instructions", conversation.instructions, max_chars=MAX_CONTENT_CHARS)
    seen: set[MessageId | None] = {None}
    last_id: MessageId | None = None
    for message in messages:
        _check(message)
        if message.id in seen:
            raise _problem("messages", f"must have different ids; {message.id} comes twice")
        if message.parent_id not in seen:
            raise _problem("messages", f"must come after their parents; {message.id} does not")
        seen.add(message.id)
        last_id = message.id
    head_id = conversation.head_id or last_id
    if head_id not in seen:
        raise _problem("head_id", "must be a message of the conversation")
    for usage in usages.values():
        _require_object("usage", usage, max_chars=MAX_DATA_BYTES)
    return TransferredConversation(
        conversation=evolve(conversation, head_id=head_id, active_reply_id=None),
        messages=MadeAnew(lambda: _placed(messages, conversation), len(messages)),
        usages=usages,
    )


def _placed(messages: Collection[Message], conversation: Conversation) -> Iterator[Message]:
    for position, message in enumerate(messages, 1):
        yield evolve(message, position=position, conversation_id=conversation.id, user_id=conversation.user_id)


def _check(message: Message) -> None:
    _require_storable("content", message.content)
    require_text("model_tag", message.model_tag, max_chars=MAX_MODEL_TAG_CHARS)
    for name, count in (("token_count", message.token_count), ("inference_time_ms", message.inference_time_ms)):
        if count is None or not 0 <= count <= _MAX_COUNT:
            raise _problem(name, f"must be from 0 to {_MAX_COUNT}")
    if message.status is Status.STREAMING:
        raise _problem("status", "must be a final one")
    if message.role is not Role.ASSISTANT and (message.status is not Status.COMPLETE or message.pieces):
        raise _problem("status", "must be complete, and parts must be text, for all but replies")
    length = log_length(len(message.content), message.pieces)
    if len(message.cuts) > _MAX_CUTS or any(not 0 <= cut <= length for cut in message.cuts):
        raise _problem("cuts", "must be places in the reply")
    _check_pieces(message)


def _check_pieces(message: Message) -> None:
    data = [piece.body for piece in message.pieces if piece.kind is PartKind.DATA]
    if len(data) > MAX_DATA_PARTS or sum(len(body.encode()) for body in data) > MAX_DATA_BYTES:
        raise _problem("parts", f"must have at most {MAX_DATA_PARTS} data parts and {MAX_DATA_BYTES} bytes of data")
    for piece in message.pieces:
        _require_storable("parts", piece.body)
    for body in data:
        # A reader would take such an object for a frame of ours.
        if _require_object("parts", body, max_chars=MAX_DATA_BYTES) & RESERVED_KEYS:
            raise _problem("parts", "must have no data with a key that frames of a stream have")


def _require_storable(field: str, text: str) -> None:
    if text:
        require_text(field, text, max_chars=MAX_TEXT_CHARS)


def _require_object(field: str, text: str, *, max_chars: int) -> set[str]:
    """Returns the keys of a JSON object."""
    if len(text) <= max_chars and "\x00" not in text and is_encodable(text) and is_readable(text):
        try:
            value = json.loads(text)
        except ValueError:
            value = None
        if isinstance(value, dict):
            return set(cast("dict[str, object]", value))
    raise _problem(field, "must be a JSON object")


def _problem(field: str, problem: str) -> InvalidInputError:
    return InvalidInputError(FieldProblem(field, problem))
