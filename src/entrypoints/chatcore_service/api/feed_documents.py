"""Defines the documents of changes, and writes them as events of a stream."""

from collections.abc import Callable, Sequence
from typing import Annotated, ClassVar, Literal
from uuid import UUID

import orjson
from attrs import frozen

from chatcore import End, FeedEvent, FeedEventKind
from chatcore.sync.feed_event import MAX_WAITING
from chatcore.sync.feeds import ChangesPage
from chatcore.sync.watermark import FEED_ID_PATTERN
from chatcore_service.api.conversation_responses import ConversationDocument, conversation_json
from chatcore_service.http.encoding import Json
from chatcore_service.http.fields import Doc, JsonText, Keywords
from chatcore_service.http.media_types import EVENT_STREAM
from chatcore_service.http.operation import DocumentedResponse
from chatcore_service.streaming.direct_writer import DirectWriter
from chatcore_service.streaming.sse import RECONNECT, Encoder

_FeedId = Annotated[str, Keywords(pattern=FEED_ID_PATTERN)]


@frozen(kw_only=True)
class DeletedConversationDocument:
    """A conversation that was deleted."""

    id: UUID


@frozen(kw_only=True)
class ConversationChangeDocument:
    """A conversation that was created, or changed in any field."""

    event: Literal["conversation"]
    data: ConversationDocument
    id: Annotated[_FeedId, Doc("The place after this change.")]


@frozen(kw_only=True)
class DeletionDocument:
    """The deletion of a conversation."""

    event: Literal["deleted"]
    data: DeletedConversationDocument
    id: Annotated[_FeedId, Doc("The place after this change.")]


@frozen(kw_only=True)
class ChangesPageDocument:
    """A page of the changes of a user's conversations, each conversation as it is now."""

    items: Annotated[list[ConversationChangeDocument | DeletionDocument], Keywords(maxItems=MAX_WAITING)]
    next: Annotated[_FeedId, Doc("The `after` of the next page. A page without items is the last one for now.")]
    reset: Annotated[
        bool,
        Doc(
            "Whether to load the list again, because more has changed than can be told: the place is older than 24 "
            f"hours or unknown to the database, or more than {MAX_WAITING} changes wait."
        ),
    ]


@frozen(kw_only=True)
class ResetDocument:
    """Nothing: the list must be loaded again."""


@frozen(kw_only=True)
class _Event:
    # :mod:`chatcore_service.api.events` says what such a schema describes.
    takes_other_fields: ClassVar[bool] = True
    event: Annotated[object, Keywords(enum=["conversation", "deleted", "reset"])]
    data: Annotated[str, JsonText(ConversationDocument | DeletedConversationDocument | ResetDocument)]
    id: _FeedId


#: The stream of a user's changes.
FEED = DocumentedResponse(
    status=200,
    description="""Server-sent events: `event: conversation` with a conversation that was created or changed, a reply
    that begins or ends included; `event: deleted` with the `id` of a conversation; `event: reset` with an empty object,
    to load the list again. Each has an `id` from which a reader goes on with `Last-Event-ID` or `after`, on any
    replica. It misses nothing; repeats are possible. The stream begins with an `id` of its own and no event. It ends
    with the comment `: reconnect` at a shutdown, or when it has lived its time.""",
    content={EVENT_STREAM: _Event},
)


def changes_page_json(page: ChangesPage) -> Json:
    """Returns a page as a JSON object."""
    return {
        "items": [{"event": event.kind, "data": _data(event), "id": event.watermark.encode()} for event in page.events],
        "next": page.next.encode(),
        "reset": page.is_reset,
    }


class FeedEncoder(Encoder[FeedEvent]):
    """Encodes the events of any feed."""

    def encode(self, chunk: FeedEvent) -> Sequence[bytes]:
        """Encodes an event; one that only says where the reader is has an id alone, which no client shows."""
        head = b"id: " + chunk.watermark.encode().encode()
        if chunk.kind is FeedEventKind.PLACE:
            return (head + b"\n\n",)
        # No line ends within JSON.
        return (b"%b\nevent: %b\ndata: %b\n\n" % (head, chunk.kind.encode(), orjson.dumps(_data(chunk))),)

    def onto(self, writer: DirectWriter) -> Callable[[FeedEvent], bool]:
        """Returns a function that writes an event."""
        return lambda chunk: writer.write(b"".join(self.encode(chunk)))

    def end(self, end: End) -> bytes:  # noqa: ARG002 - a feed ends in one way
        """Tells the reader to reconnect, since a feed never ends by itself."""
        return RECONNECT


def _data(event: FeedEvent) -> Json:
    if event.change is None:
        return {}
    if event.change.conversation is None:
        return {"id": event.change.conversation_id}
    return conversation_json(event.change.conversation)
