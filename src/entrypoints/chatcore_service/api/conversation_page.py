"""Defines the query and the document of a page of conversations."""

from datetime import date, tzinfo
from typing import Annotated

import orjson
from attrs import frozen
from orjson import Fragment
from starlette.responses import Response

from chatcore import Cursor, Page, PageRequest
from chatcore.conversations.listing import CURSOR_PATTERN, DEFAULT_PAGE, MAX_OFFSET, MAX_PAGE, MAX_PINNED
from chatcore_service.api.conversation_responses import ConversationDocument, conversation_json
from chatcore_service.api.time_zones import MAX_TIME_ZONE_CHARS, TIME_ZONE_PATTERN, date_in, time_zone
from chatcore_service.http.encoding import json_response
from chatcore_service.http.fields import Doc, Keywords, Rule


@frozen(kw_only=True)
class PageQuery:
    """The part of the list that the caller requests."""

    limit: Annotated[int, Rule(lambda value: PageRequest(limit=value)), Keywords(minimum=1, maximum=MAX_PAGE)] = (
        DEFAULT_PAGE
    )
    offset: Annotated[
        int,
        Rule(lambda value: PageRequest(offset=value)),
        Keywords(minimum=0, maximum=MAX_OFFSET),
        Doc("The number of conversations to skip; each takes time. Ignored if there is a `cursor`."),
    ] = 0
    cursor: (
        Annotated[
            str,
            # The rule lets a wrong cursor be reported together with other problems; `page_request` decodes it again.
            Rule(Cursor.decode),
            Keywords(pattern=CURSOR_PATTERN),
            Doc(
                "The `next_cursor` of a page. Pages by cursor neither skip nor repeat a conversation when others are "
                "added, and later pages take no longer."
            ),
        ]
        | None
    ) = None

    archived: Annotated[bool, Doc("`true`: the archived conversations. `false`: those that are not archived.")] = False
    tz: Annotated[
        str,
        Rule(time_zone),
        Keywords(pattern=TIME_ZONE_PATTERN, maxLength=MAX_TIME_ZONE_CHARS),
        Doc("The time zone by whose dates the conversations are grouped: an IANA name, such as `Europe/Berlin`."),
    ] = "UTC"

    def page_request(self) -> PageRequest:
        """Returns the request for the core, in which a cursor takes the place of the offset."""
        if self.cursor is None:
            return PageRequest(limit=self.limit, offset=self.offset, is_archived=self.archived)
        return PageRequest(limit=self.limit, cursor=Cursor.decode(self.cursor), is_archived=self.archived)


@frozen(kw_only=True)
class ConversationPageDocument:
    """A page of a user's conversations, once as a list and once by day."""

    items: Annotated[list[ConversationDocument], Keywords(maxItems=MAX_PAGE)]
    grouped: Annotated[
        dict[date, list[ConversationDocument]],
        Doc("The items of this page by the date of `updated_at` in the requested time zone, newest first."),
    ]
    pinned: Annotated[
        list[ConversationDocument],
        Keywords(maxItems=MAX_PINNED),
        Doc(
            f"On the first page, the newest {MAX_PINNED} pinned conversations of the list, newest first; each is also "
            "in `items` of its page. Empty on later pages."
        ),
    ]
    limit: int
    offset: int
    next_cursor: Annotated[str | None, Doc("The `cursor` of the next page; null on the last page.")]


def page_response(page: Page, request: PageRequest, zone: tzinfo) -> Response:
    """Returns the response with a page of conversations, grouped by their dates in a time zone."""
    items: list[Fragment] = []
    # Where clocks are set back over midnight, a date comes twice.
    grouped: dict[str, list[Fragment]] = {}
    for conversation in page.conversations:
        # Each conversation appears twice and is encoded once.
        encoded = Fragment(orjson.dumps(conversation_json(conversation)))
        items.append(encoded)
        grouped.setdefault(date_in(zone, conversation.updated_at).isoformat(), []).append(encoded)
    return json_response(
        {
            "items": items,
            "grouped": grouped,
            "pinned": [conversation_json(conversation) for conversation in page.pinned],
            "limit": request.limit,
            "offset": request.offset,
            "next_cursor": None if page.next_cursor is None else page.next_cursor.encode(),
        }
    )
