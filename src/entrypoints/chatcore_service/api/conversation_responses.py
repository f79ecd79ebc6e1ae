"""Defines the document of a conversation without its messages, and the responses with a new one."""

from typing import Annotated
from uuid import UUID

from attrs import frozen
from starlette.responses import Response

from chatcore.conversations.conversation import DEFAULT_TITLE
from chatcore.conversations.creation import Creation
from chatcore.conversations.message import DEFAULT_MODEL_TAG
from chatcore.text import MAX_USER_ID_CHARS
from chatcore_service.api.field_types import Instructions, ModelTag, Title
from chatcore_service.http import paths
from chatcore_service.http.encoding import encoder, json_response
from chatcore_service.http.fields import Doc, Instant, Keywords
from chatcore_service.http.operation import DocumentedResponse, Link, documented_json


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
    head_id: Annotated[UUID | None, Doc("The newest message of the active branch; null while there is no message.")]
    active_reply_id: Annotated[UUID | None, Doc("The reply that is being generated; null if there is none.")]


conversation_json = encoder(ConversationDocument)

_CREATED = {"conversation_id": "$response.body#/id"}
_LINKS = {
    "open": Link("openConversation", _CREATED, "Open the conversation."),
    "rename": Link("renameConversation", _CREATED, "Rename the conversation."),
    "change": Link("changeConversation", _CREATED, "Change the conversation."),
    "delete": Link("deleteConversation", _CREATED, "Delete the conversation."),
    "fork": Link("forkConversation", _CREATED, "Copy the conversation."),
    "send": Link("sendMessage", _CREATED, "Send a message."),
    "regenerate": Link("regenerateReply", _CREATED, "Generate another reply to the last message."),
}


def creation_responses(description: str) -> tuple[DocumentedResponse, ...]:
    """Returns the declarations of the responses of an operation that creates a conversation."""
    repeated = "The conversation that has the requested `id` already. Nothing was created or changed."
    return tuple(
        documented_json(status, ConversationDocument, text, "Location", links=_LINKS)
        for status, text in ((201, description), (200, repeated))
    )


def creation_response(creation: Creation) -> Response:
    """Returns the response with a conversation that was created now, or before."""
    location = paths.CONVERSATION.format(conversation_id=creation.conversation.id)
    return json_response(
        conversation_json(creation.conversation),
        status=201 if creation.is_new else 200,
        headers={"Location": location},
    )
