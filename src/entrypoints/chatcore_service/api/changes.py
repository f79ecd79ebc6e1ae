"""Tells a user's clients what has changed, as a stream and as pages."""

from typing import Annotated

from attrs import frozen
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from chatcore import Watermark
from chatcore.sync.feed_event import MAX_WAITING, require_page_limit
from chatcore.sync.feeds import Feeds
from chatcore.sync.watermark import FEED_ID_PATTERN
from chatcore_service.api.feed_documents import (
    FEED,
    ChangesPageDocument,
    FeedEncoder,
    changes_page_json,
)
from chatcore_service.http import paths
from chatcore_service.http.caller import Caller
from chatcore_service.http.decoding import decode_query
from chatcore_service.http.encoding import json_response
from chatcore_service.http.endpoints import SecuredEndpoints, secured
from chatcore_service.http.fields import Doc, Keywords, Rule
from chatcore_service.http.headers import LAST_FEED_ID, last_watermark
from chatcore_service.http.operation import Link, Operation, documented_json
from chatcore_service.streaming.event_stream import event_stream_head_response
from chatcore_service.streaming.feed_streams import FeedStreams

# An encoder has no state, and there are thousands of feeds.
_ENCODER = FeedEncoder()

_After = Annotated[
    str,
    # The rule lets a malformed id be reported together with other problems; `watermark` decodes it again.
    Rule(Watermark.decode),
    Keywords(pattern=FEED_ID_PATTERN),
    Doc("The id of an event, or the `next` of a page: what has changed after it is told."),
]


@frozen(kw_only=True)
class EventsQuery:
    """The place at which a feed begins."""

    after: _After | None = None

    @property
    def watermark(self) -> Watermark | None:
        """Returns the place for the core; None for the present one."""
        return None if self.after is None else Watermark.decode(self.after)


@frozen(kw_only=True)
class ChangesQuery(EventsQuery):
    """The place at which a page begins, and its size."""

    limit: Annotated[
        int,
        Rule(require_page_limit),
        Keywords(minimum=1, maximum=MAX_WAITING),
        Doc("After how many changes the page may end; changes of one transaction are not divided."),
    ] = MAX_WAITING


@frozen(kw_only=True)
class ChangeEndpoints(SecuredEndpoints):
    """Keeps a user's clients in step."""

    feeds: Feeds
    feed_streams: FeedStreams

    @secured(
        Operation(
            method="GET",
            path=paths.EVENTS,
            id="followChanges",
            query=EventsQuery,
            parameters=(LAST_FEED_ID,),
            responses=(FEED,),
        )
    )
    async def follow(self, request: Request, caller: Caller) -> ASGIApp:
        """Streams the changes of the user's conversations."""
        query = decode_query(request.query_params, EventsQuery)
        after = last_watermark(request) or query.watermark
        if request.method == "HEAD":
            return event_stream_head_response()
        return await self.feed_streams.open(caller, after, _ENCODER)

    @secured(
        Operation(
            method="GET",
            path=paths.CHANGES,
            id="listChanges",
            query=ChangesQuery,
            responses=(
                documented_json(
                    200,
                    ChangesPageDocument,
                    "What has changed. Without `after`, nothing but the place at which to begin.",
                    links={
                        "next": Link(
                            "listChanges", {"after": "$response.body#/next"}, "Get what has changed since then."
                        ),
                        "follow": Link(
                            "followChanges", {"after": "$response.body#/next"}, "Follow what changes from then on."
                        ),
                    },
                ),
            ),
        )
    )
    async def index(self, request: Request, caller: Caller) -> Response:
        """Returns a page of the changes of the user's conversations."""
        query = decode_query(request.query_params, ChangesQuery)
        page = await self.feeds.page(caller.user, query.watermark, query.limit)
        return json_response(changes_page_json(page))
