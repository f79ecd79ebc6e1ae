"""Defines the document of a conversation without its messages."""

from typing import Annotated
from uuid import UUID

from attrs import frozen

from chatcore.conversations.conversation import DEFAULT_TITLE
from chatcore.conversations.message import DEFAULT_MODEL_TAG
from chatcore.text import MAX_USER_ID_CHARS
from chatcore_service.api.field_types import Instructions, ModelTag, Title
from chatcore_service.http.encoding import encoder
from chatcore_service.http.fields import Doc, Instant, Keywords


@frozen(kw_only=True)
class ConversationDocument:
    """A conversation without its messages."""

    id: UUID
    user_id: Annotated[str, Keywords(minLength=1, maxLength=MAX_USER_ID_CHARS)]
    title: Annotated[Title, Doc(f"“{DEFAULT_TITLE}” until the conversation has a message or a title of its own.")]
    model_tag: Annotated[ModelTag, Doc(f"“{DEFAULT_MODEL_TAG}” unless another was chosen.")]
    created_at: Instant
    updated_at: Instant
    is_pinned: Annotated[bool, Doc("Whether the user has pinned the conversation.")]
    is_archived: Annotated[
        bool, Doc("Whether the user has archived the conversation. A new reply takes it out of the archive.")
    ]
    instructions: Annotated[
        Instructions | None, Doc("What the model is told before all messages; null if there are no instructions.")
    ]
    active_reply_id: Annotated[UUID | None, Doc("The reply that is being generated; null if there is none.")]


conversation_json = encoder(ConversationDocument)
