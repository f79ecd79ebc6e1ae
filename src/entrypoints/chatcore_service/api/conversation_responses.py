"""Defines the documents of conversations: a conversation, a conversation with its messages, and a page."""

from collections.abc import Iterable
from datetime import date
from itertools import groupby
from typing import Annotated
from uuid import UUID

import orjson
from attrs import frozen
from orjson import Fragment
from starlette.responses import Response

from chatcore import Conversation, OpenConversation, Page, PageRequest
from chatcore.conversations.conversation import DEFAULT_MODEL_TAG, DEFAULT_TITLE
from chatcore.conversations.listing import MAX_PAGE
from chatcore.slices import slices
from chatcore.text import MAX_USER_ID_CHARS
from chatcore_service.api.field_types import ModelTag, Title
from chatcore_service.api.messages import MessageDocument, message_json
from chatcore_service.http.encoding import encoder, json_bytes_response, json_response
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


@frozen(kw_only=True)
class OpenConversationDocument(ConversationDocument):
    """A conversation with its messages."""

    messages: Annotated[list[MessageDocument], Doc("Oldest first.")]


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


async def open_conversation_response(opened: OpenConversation) -> Response:
    """Returns the response with a conversation and its messages, of which there may be tens of thousands."""
    body = bytearray(orjson.dumps(conversation_json(opened.conversation)).removesuffix(b"}"))
    body += b',"messages":['
    # Each slice is appended to the body, because joining thirty megabytes at the end takes 50 ms.
    async for messages in slices(opened.messages):
        body += orjson.dumps([message_json(message) for message in messages])[1:-1]
        body += b","
    body[-1:] = b"]}" if opened.messages else b"[]}"
    return json_bytes_response(memoryview(body))


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
