"""The JSON that callers get: conversations, messages and pages."""

from collections.abc import Iterable
from datetime import date
from itertools import groupby

import orjson
from orjson import Fragment
from starlette.responses import Response

from chatcore import Conversation, Message, OpenConversation, Page, PageRequest, Turn
from chatcore.slices import slices

Json = dict[str, object]

_JSON = "application/json"


def json_response(document: object, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A response with a JSON body."""
    return Response(orjson.dumps(document), status_code=status, media_type=_JSON, headers=headers)


def conversation_document(conversation: Conversation) -> Json:
    """A conversation without its messages."""
    return {
        "id": conversation.id,
        "user_id": conversation.user_id,
        "title": conversation.title,
        "model_tag": conversation.model_tag,
        "created_at": conversation.created_at,
        "updated_at": conversation.updated_at,
    }


def message_document(message: Message) -> Json:
    """A message."""
    return {
        "id": message.id,
        "conversation_id": message.conversation_id,
        "role": message.role,
        "content": message.content,
        "token_count": message.token_count,
        "model_tag": message.model_tag,
        "inference_time_ms": message.inference_time_ms,
        "created_at": message.created_at,
        "status": message.status,
        "parent_id": message.parent_id,
    }


async def open_conversation_response(opened: OpenConversation) -> Response:
    """A conversation with its messages, which may be tens of thousands."""
    body = bytearray(orjson.dumps(conversation_document(opened.conversation)).removesuffix(b"}"))
    body += b',"messages":['
    # One after the other: to join thirty megabytes takes 50 ms.
    async for messages in slices(opened.messages):
        body += orjson.dumps([message_document(message) for message in messages])[1:-1]
        body += b","
    body[-1:] = b"]}" if opened.messages else b"[]}"
    return Response(memoryview(body), media_type=_JSON)


def page_response(page: Page, request: PageRequest) -> Response:
    """A page of conversations, once as a list and once by day."""
    # What is there twice is made JSON once.
    days = {day: _json_of_conversations(group) for day, group in groupby(page.conversations, _day)}
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
    # The storage gives instants in UTC, the newest first.
    return conversation.updated_at.date()


def _json_of_conversations(conversations: Iterable[Conversation]) -> bytes:
    return orjson.dumps([conversation_document(conversation) for conversation in conversations])


def turn_document(turn: Turn) -> Json:
    """A message and the reply that answers it."""
    return {"user_message": message_document(turn.user_message), "assistant_message": message_document(turn.reply)}
