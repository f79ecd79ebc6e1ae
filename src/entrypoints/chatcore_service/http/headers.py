"""Reads the request headers that the API knows, and the stream offset that the query may hold instead of a header."""

import re
from typing import Annotated

from attrs import frozen
from starlette.requests import Request

from chatcore import Watermark
from chatcore.errors import FieldProblem, InvalidInputError, NotAuthenticatedError
from chatcore.replies.idempotency import KEPT_HOURS, MAX_KEY_CHARS
from chatcore.sync.watermark import FEED_ID_PATTERN
from chatcore_service.http.fields import Doc, Keywords
from chatcore_service.http.operation import Parameter
from chatcore_service.http.refusals import MalformedEventIdError

#: The longest offset in an event id; JavaScript represents every integer of so many digits exactly.
MAX_OFFSET_DIGITS = 15
#: The pattern of an event id: an offset, the number of the reply's generation from the second on, and a mark in the id
#: of the closing frame.
EVENT_ID_PATTERN = f"^[0-9]{{1,{MAX_OFFSET_DIGITS}}}(-([2-9]|[1-9][0-9]{{1,8}}))?(-end)?$"

_EventId = Annotated[str, Keywords(pattern=EVENT_ID_PATTERN)]

IDEMPOTENCY_KEY = Parameter(
    "header",
    "Idempotency-Key",
    Annotated[
        str,
        Keywords(minLength=1, maxLength=MAX_KEY_CHARS, pattern="^[!-~]+$"),
        Doc(
            f"Makes a repeated request safe: for {KEPT_HOURS} hours, a request by the same user with the same key and "
            "body gets the reply of the first one and appends nothing."
        ),
    ],
    component="idempotency_key",
)
PREFER = Parameter(
    "header",
    "Prefer",
    Annotated[
        str,
        Keywords(examples=["respond-async"]),
        Doc("`respond-async`: respond at once with 202 and the path of the reply's stream in `Location`."),
    ],
    component="prefer",
)
LAST_EVENT_ID = Parameter(
    "header",
    "Last-Event-ID",
    Annotated[_EventId, Doc("The id of the last event that the reader received.")],
    component="last_event_id",
)
LAST_FEED_ID = Parameter(
    "header",
    "Last-Event-ID",
    Annotated[
        str,
        Keywords(pattern=FEED_ID_PATTERN),
        Doc("The id of the last event that the reader received. It takes precedence over `after`."),
    ],
    component="last_feed_id",
)
TEXT_OFFSET = Parameter(
    "query",
    "offset",
    Annotated[
        _EventId,
        Doc(
            "The number of code points of the reply that the reader has, or the id of its last event. `Last-Event-ID` "
            "takes precedence."
        ),
    ],
    default="0",
    component="text_offset",
)

# The pattern follows RFC 6750, section 2.1, with one or more spaces, as in RFC 9110, section 11.4.
_BEARER = re.compile(r"bearer +([A-Za-z0-9._~+/-]+=*)", re.IGNORECASE)
_EVENT_ID = re.compile(EVENT_ID_PATTERN)


@frozen
class ResumePoint:
    """Describes what a reader of a reply knows already."""

    #: How many code points of the reply the reader has; None if it reads from the start.
    offset: int | None
    #: Whether the reader was told how the reply ended.
    knows_end: bool
    #: The number of the generation that the reader was shown last.
    generation: int = 1


def bearer_token(request: Request) -> str:
    """Returns the caller's bearer token.

    Raises:
        NotAuthenticatedError: the request does not have exactly one Authorization header with a bearer token.
    """
    values = request.headers.getlist("authorization")
    match = _BEARER.fullmatch(values[0]) if len(values) == 1 else None
    if match is None:
        raise NotAuthenticatedError
    return match[1]


def idempotency_key(request: Request) -> str | None:
    """Returns the unchecked idempotency key of a request; None if the request has no key.

    Raises:
        InvalidInputError: the request has several keys.
    """
    values = request.headers.getlist("idempotency-key")
    if len(values) > 1:
        raise InvalidInputError(FieldProblem("Idempotency-Key", "must be given once"))
    return values[0] if values else None


def prefers_async(request: Request) -> bool:
    """Returns whether the caller prefers not to wait for the reply (RFC 7240)."""
    preferences = ",".join(request.headers.getlist("prefer")).split(",")
    return any(preference.partition(";")[0].strip().lower() == "respond-async" for preference in preferences)


def resume_point(request: Request) -> ResumePoint:
    """Returns what the caller knows of a reply already.

    The header takes precedence over the query. A reader that has all of a reply without text sends `Last-Event-ID: 0`;
    in the query, 0 means the start.

    Raises:
        MalformedEventIdError: the value is not an event id or an offset, is too long, or is given more than once.
    """
    if ids := request.headers.getlist("last-event-id"):
        return _resume_point(ids)
    if offsets := request.query_params.getlist("offset"):
        point = _resume_point(offsets)
        return point if point.offset or point.knows_end or point.generation > 1 else ResumePoint(None, knows_end=False)
    return ResumePoint(None, knows_end=False)


def last_watermark(request: Request) -> Watermark | None:
    """Returns the place in a feed that the header Last-Event-ID names; None if there is no such header.

    Raises:
        MalformedEventIdError: the value is not the id of an event, or is given more than once.
    """
    ids = request.headers.getlist("last-event-id")
    if not ids:
        return None
    if len(ids) > 1:
        raise MalformedEventIdError
    try:
        return Watermark.decode(ids[0])
    except InvalidInputError:
        raise MalformedEventIdError from None


def _resume_point(values: list[str]) -> ResumePoint:
    if len(values) > 1 or not _EVENT_ID.fullmatch(values[0]):
        raise MalformedEventIdError(
            f"Last-Event-ID and offset must be the id of an event: a number of at most {MAX_OFFSET_DIGITS} digits, in "
            "some replies with a second number after a hyphen, and -end in the id of a closing frame."
        )
    point, mark, _ = values[0].partition("-end")
    offset, _, generation = point.partition("-")
    return ResumePoint(int(offset), knows_end=bool(mark), generation=int(generation or 1))
