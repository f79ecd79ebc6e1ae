"""Searches a user's conversations."""

from typing import Annotated
from uuid import UUID

from attrs import frozen
from starlette.requests import Request
from starlette.responses import Response

from chatcore.search.listing import (
    DEFAULT_SEARCH_PAGE,
    MAX_SEARCH_PAGE,
    SEARCH_CURSOR_PATTERN,
    SearchPlace,
    SearchResult,
)
from chatcore.search.query import MAX_QUERY_CHARS, SearchQuery
from chatcore.search.use_cases import Search, require_limit
from chatcore_service.api.conversation_responses import ConversationDocument, conversation_json
from chatcore_service.http import paths
from chatcore_service.http.caller import Caller
from chatcore_service.http.decoding import decode_query
from chatcore_service.http.encoding import Json, json_response
from chatcore_service.http.endpoints import SecuredEndpoints, secured
from chatcore_service.http.fields import Count, Doc, Keywords, Rule, storable_text
from chatcore_service.http.operation import Link, Operation, documented_json


@frozen(kw_only=True)
class SearchRequestQuery:
    """What the caller searches for."""

    q: Annotated[
        str,
        Rule(SearchQuery.parse),
        storable_text(MAX_QUERY_CHARS),
        Doc(
            "Words that must all be in one message or in the title; the last one may be the beginning of a word. "
            "Punctuation alone finds nothing."
        ),
    ]
    limit: Annotated[int, Rule(require_limit), Keywords(minimum=1, maximum=MAX_SEARCH_PAGE)] = DEFAULT_SEARCH_PAGE
    cursor: (
        Annotated[
            str,
            Rule(SearchPlace.decode),
            Keywords(pattern=SEARCH_CURSOR_PATTERN),
            Doc("The `next_cursor` of a page with the same `q`."),
        ]
        | None
    ) = None


@frozen(kw_only=True)
class SearchResultDocument:
    """A conversation that has the words."""

    conversation: ConversationDocument
    message_id: Annotated[
        UUID | None, Doc("The newest message with the words, of any branch; null if only the title has them.")
    ]
    snippet: Annotated[str, Doc("The part of the message, or of the title, that has the words, as one line.")]
    highlights: Annotated[
        list[Annotated[list[Count], Keywords(minItems=2, maxItems=2)]],
        Doc("The start and the end of each place with a word, in Unicode code points of the snippet."),
    ]


@frozen(kw_only=True)
class SearchPageDocument:
    """A page of conversations that have the words, newest first."""

    items: Annotated[list[SearchResultDocument], Keywords(maxItems=MAX_SEARCH_PAGE)]
    next_cursor: Annotated[
        str | None,
        Doc(
            "The `cursor` of the next page; null on the last page. A page that has one may have fewer items than "
            "requested, even none."
        ),
    ]


@frozen(kw_only=True)
class SearchEndpoints(SecuredEndpoints):
    """Searches the user's conversations."""

    search: Search

    @secured(
        Operation(
            method="GET",
            path=paths.SEARCH,
            id="searchConversations",
            query=SearchRequestQuery,
            responses=(
                documented_json(
                    200,
                    SearchPageDocument,
                    "A page of conversations that have all words in one message or in their title.",
                    links={
                        "open": Link(
                            "openConversation",
                            {"conversation_id": "$response.body#/items/0/conversation/id"},
                            "Open the first conversation, or any other.",
                        ),
                        "next": Link(
                            "searchConversations",
                            {"q": "$request.query.q", "cursor": "$response.body#/next_cursor"},
                            "Get the next page, if there is one.",
                        ),
                    },
                ),
            ),
        )
    )
    async def find(self, request: Request, caller: Caller) -> Response:
        """Finds the user's conversations by the words of their messages and titles."""
        query = decode_query(request.query_params, SearchRequestQuery)
        cursor = None if query.cursor is None else SearchPlace.decode(query.cursor)
        page = await self.search.find(caller.user, query.q, limit=query.limit, cursor=cursor)
        return json_response(
            {
                "items": [_result_json(result) for result in page.results],
                "next_cursor": None if page.next_cursor is None else page.next_cursor.encode(),
            }
        )


def _result_json(result: SearchResult) -> Json:
    return {
        "conversation": conversation_json(result.conversation),
        "message_id": result.message_id,
        "snippet": result.snippet.text,
        "highlights": result.snippet.highlights,
    }
