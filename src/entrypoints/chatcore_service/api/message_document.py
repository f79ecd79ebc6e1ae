"""Defines the document of a message."""

from collections.abc import Sequence
from typing import Annotated, Literal
from uuid import UUID

import orjson
from attrs import field, frozen

from chatcore import Part, PartKind, ReplyError
from chatcore.conversations.message import MAX_VERSIONS_EACH_WAY, FinishReason, Role, Status
from chatcore_service.http.encoding import Json, encoded_by, encoder
from chatcore_service.http.fields import Count, Doc, Instant, Keywords


@frozen(kw_only=True)
class TextPart:
    """Text that is shown to the user."""

    type: Literal["text"]
    text: str


@frozen(kw_only=True)
class ReasoningPart:
    """What the model thought before or between its text."""

    type: Literal["reasoning"]
    text: str


@frozen(kw_only=True)
class DataPart:
    """A JSON object that is neither, such as a tool call, a tool result or a citation."""

    type: Literal["data"]
    data: Annotated[dict[str, object], Doc("The object as the model sent it.")]


def part_json(part: Part) -> Json:
    """Encodes a part of a reply."""
    if part.kind is PartKind.DATA:
        return {"type": part.kind, "data": orjson.Fragment(part.body)}
    return {"type": part.kind, "text": part.body}


def _parts_json(parts: Sequence[Part]) -> list[Json]:
    return [part_json(part) for part in parts]


@frozen(kw_only=True)
class MessageDocument:
    """A message of a conversation."""

    id: UUID
    conversation_id: UUID
    role: Role
    content: Annotated[
        str,
        Doc(
            "In an opened conversation, a streaming reply has the text that is stored so far; its stream has the rest."
        ),
    ]
    token_count: Annotated[Count | None, Doc("Null only while the reply is streaming.")]
    model_tag: Annotated[str, Doc("The model that was asked or, for a message of a user, that was to answer.")]
    inference_time_ms: Annotated[Count | None, Doc("Null only while the reply is streaming.")]
    created_at: Instant
    status: Status
    error: Annotated[
        ReplyError | None,
        Doc(
            "Why the reply is not complete: `stopped` if its status is `stopped`; if it is `interrupted` or `failed`, "
            "`context_too_long` where the conversation is too long for the model, or one of the `inference_` codes. "
            "Null for every other message."
        ),
    ]
    finish_reason: Annotated[
        FinishReason | None, Doc("Why the model ended a complete reply. Null where the model does not say.")
    ]
    parent_id: UUID | None
    versions: Annotated[
        Sequence[UUID],
        Keywords(minItems=1, maxItems=2 * MAX_VERSIONS_EACH_WAY + 1),
        Doc(
            "The messages with the same parent, oldest first, this message included: what can be chosen in its place. "
            f"Of more, the {MAX_VERSIONS_EACH_WAY} before this message and the {MAX_VERSIONS_EACH_WAY} after it."
        ),
    ]
    stream_id: Annotated[
        str | None,
        Doc(
            "The id of the event in the reply's stream up to which this document shows the reply; follow the stream "
            "from there. Null for every other message."
        ),
    ]
    parts: Annotated[
        Sequence[TextPart | ReasoningPart | DataPart],
        Doc(
            "The parts of a reply that has more than text, in the order in which the model sent them. `content` is the "
            "text of all text parts. Without the field, `content` is the whole reply."
        ),
    ] = field(default=(), metadata=encoded_by(_parts_json))


message_json = encoder(MessageDocument)
