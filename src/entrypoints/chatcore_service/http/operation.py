"""Declares an operation: one method of one path, with its request and its responses.

An endpoint class marks each of its handlers with such a declaration. The router and the OpenAPI document are both made
of it (:mod:`chatcore_service.http.endpoints`, :mod:`chatcore_service.openapi.document`).
"""

from collections.abc import Mapping
from typing import Any, Literal

from attrs import frozen

JSON = "application/json"
EVENT_STREAM = "text/event-stream"


@frozen
class Parameter:
    """A parameter of a header or the query that the handler reads by itself."""

    place: Literal["header", "query"]
    name: str
    #: The type, with its annotations.
    type: Any
    default: object = None
    #: Its name among all parameters of the API, where that differs.
    component: str | None = None


@frozen
class Link:
    """An operation to go on with, and which values of this request or response it takes."""

    operation_id: str
    parameters: Mapping[str, str]
    description: str


@frozen(kw_only=True)
class DocumentedResponse:
    """A response that an operation gives, beside the problem documents."""

    #: None for any status that is not listed.
    status: int | None
    description: str
    #: The type of the body by media type; None for a body of any type.
    content: Mapping[str, Any] = {}
    #: Beside the trace id, which every response has. None where the document says nothing of headers.
    headers: tuple[str, ...] | None = ()
    links: Mapping[str, Link] = {}


@frozen(kw_only=True)
class Operation:
    """A method of a path."""

    method: str
    path: str
    id: str
    responses: tuple[DocumentedResponse, ...]
    #: The class of the JSON body; optional in the request unless one of its fields is required.
    body: type | None = None
    #: The class whose fields are the query parameters.
    query: type | None = None
    parameters: tuple[Parameter, ...] = ()
    #: Statuses of problems beside those that follow from the rest.
    problems: tuple[int, ...] = ()
    #: Whether the handler of GET serves HEAD too.
    has_head: bool = True

    @property
    def methods(self) -> tuple[str, ...]:
        """The HTTP methods that lead here."""
        return ("GET", "HEAD") if self.method == "GET" and self.has_head else (self.method,)


def documented_json(
    status: int,
    document: Any,  # noqa: ANN401 - a type with its annotations
    description: str,
    *headers: str,
    links: Mapping[str, Link] | None = None,
) -> DocumentedResponse:
    """Declares a response with a JSON document."""
    return DocumentedResponse(
        status=status, description=description, content={JSON: document}, headers=headers, links=links or {}
    )
