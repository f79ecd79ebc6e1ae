"""Describes the events of a reply's stream, which :mod:`chatcore_service.streaming.sse` writes, for OpenAPI."""

from typing import Annotated, ClassVar, Literal

from attrs import frozen

from chatcore.ports.inference import RESERVED_KEYS
from chatcore.reply_error import ReplyError
from chatcore_service.http.fields import Count, Doc, JsonText, Keywords
from chatcore_service.http.headers import EVENT_ID_PATTERN
from chatcore_service.http.media_types import EVENT_STREAM
from chatcore_service.http.operation import DocumentedResponse


@frozen(kw_only=True)
class TokenFrame:
    """More of the reply's text. In the streams of POST requests, the frame may have other keys."""

    takes_other_fields: ClassVar[bool] = True
    token: str


@frozen(kw_only=True)
class ReasoningFrame:
    """More of what the model thinks. In the streams of POST requests, the frame may have other keys."""

    takes_other_fields: ClassVar[bool] = True
    reasoning: str


@frozen(kw_only=True)
class RewindFrame:
    """The number of code points to keep, because the reader was sent more than survived a crash."""

    rewind: Count


@frozen(kw_only=True)
class ErrorFrame:
    """The reason why the reply is not complete."""

    error: Annotated[object, Keywords(enum=[error.value for error in ReplyError])]
    detail: str


@frozen(kw_only=True)
class DoneFrame:
    """The end of the reply. In the streams of POST requests, the frame may have other keys."""

    takes_other_fields: ClassVar[bool] = True
    done: Literal[True]


#: An object without any of the keys that have a meaning is data of the model.
DataFrame = Annotated[
    dict[str, object],
    Keywords(**{"not": {"anyOf": [{"required": [key]} for key in sorted(RESERVED_KEYS)]}}),
    Doc("Data of the model, such as a tool call, a tool result or a citation."),
]


@frozen(kw_only=True)
class _Event:
    # OpenAPI 3.1 does not say what a schema of `text/event-stream` describes. Readers of OpenAPI documents apply the
    # schema to each event, in the form in which an EventSource gives the event to a page.
    takes_other_fields: ClassVar[bool] = True
    data: Annotated[str, JsonText(TokenFrame | ReasoningFrame | RewindFrame | ErrorFrame | DoneFrame | DataFrame)]
    id: Annotated[str, Keywords(pattern=EVENT_ID_PATTERN)] = ""


_CONTENT = {EVENT_STREAM: _Event}

#: The stream of a reply that the request begins.
BEGUN_REPLY = DocumentedResponse(
    status=200,
    description="""Server-sent events, byte for byte as the inference service sent them: `data: {"token":"…"}` frames,
    then `data: {"done":true}`. The service adds only comments (`: keep-alive`) and, where the reply is not complete, an
    error frame before the closing frame. A stream that ends with the comment `: reconnect` and no closing frame was cut
    by a shutdown or by the limit on its duration; continue at `Content-Location`. Closing the connection does not stop
    the reply.""",
    content=_CONTENT,
    headers=("Content-Location",),
)

#: The stream of a reply that a reader follows.
FOLLOWED_REPLY = DocumentedResponse(
    status=200,
    description="""Server-sent events, each with an `id`: the number of code points of all parts up to and including
    it, and from the second generation of the reply on, after a hyphen, the number of the generation. These are frames
    with text, reasoning or data, possibly after a rewind frame, then an error frame where the reply is not complete,
    then the closing frame, whose id ends in `-end`. A stream that ends with the comment `: reconnect` and no closing
    frame was cut by a shutdown or by the limit on its duration; follow the reply again with the last id.""",
    content=_CONTENT,
)
