"""Defines the documents of conversations without their messages: a conversation, and a page of conversations."""

from collections.abc import Iterable
from datetime import date
from itertools import groupby
from typing import Annotated
from uuid import UUID

import orjson
from attrs import frozen
from orjson import Fragment
from starlette.responses import Response

from chatcore import Conversation, Page, PageRequest
from chatcore.conversations.conversation import DEFAULT_TITLE
from chatcore.conversations.listing import MAX_PAGE
from chatcore.conversations.message import DEFAULT_MODEL_TAG
from chatcore.text import MAX_USER_ID_CHARS
from chatcore_service.api.field_types import Instructions, ModelTag, Title
from chatcore_service.http.encoding import encoder, json_response
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
    instructions: Annotated[
        Instructions | None, Doc("What the model is told before all messages; null if there are no instructions.")
    ]
    active_reply_id: Annotated[UUID | None, Doc("The reply that is being generated; null if there is none.")]


@frozen(kw_only=True)
class ConversationPageDocument:
    """A page of a user's conversations, once as a list and once by day."""

    items: Annotated[list[ConversationDocument], Keywords(maxItems=MAX_PAGE)]
    grouped: Annotated[
        dict[date, list[ConversationDocument]],
        Doc("The items of this page by the UTC date of `updated_at`, newest first."),
    ]
    limit: int
    offset: int
    next_cursor: Annotated[str | None, Doc("The `cursor` of the next page; null on the last page.")]


conversation_json = encoder(ConversationDocument)


def page_response(page: Page, request: PageRequest) -> Response:
    """Returns the response with a page of conversations."""
    # Each conversation appears twice and is encoded once.
    days = {day: _encoded(group) for day, group in groupby(page.conversations, _day)}
    return json_response(
        {
            "items": Fragment(b"[%b]" % b",".join(day[1:-1] for day in days.values())),
            "grouped": {day.isoformat(): Fragment(conversations) for day, conversations in days.items()},
            "limit": request.limit,
            "offset": request.offset,
            "next_cursor": None if page.next_cursor is None else page.next_cursor.encode(),
        }
    )


def _day(conversation: Conversation) -> date:
    # The storage returns the conversations newest first, with instants in UTC.
    return conversation.updated_at.date()


def _encoded(conversations: Iterable[Conversation]) -> bytes:
    return orjson.dumps([conversation_json(conversation) for conversation in conversations])
