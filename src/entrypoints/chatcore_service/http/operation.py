"""Declares an operation: one method of one path, with its request and its responses.

An endpoint class marks each of its handlers with such a declaration, from which both the router
(:mod:`chatcore_service.http.endpoints`) and the OpenAPI document (:mod:`chatcore_service.openapi.document`) are made.
"""

from collections.abc import Mapping
from typing import Any, Literal

from attrs import frozen

from chatcore_service.http.media_types import JSON


@frozen
class Parameter:
    """A header or query parameter that the handler reads by itself."""

    place: Literal["header", "query"]
    name: str
    #: The type, with its annotations.
    type: Any
    default: object = None
    #: The name of the OpenAPI component, if it differs from the parameter's name.
    component: str | None = None
    #: Whether a request without the parameter is refused.
    is_required: bool = False


@frozen
class Link:
    """A possible next operation, with the values of this request or response that the operation takes."""

    operation_id: str
    parameters: Mapping[str, str]
    description: str


@frozen(kw_only=True)
class DocumentedResponse:
    """A response of an operation, beside the problem documents."""

    #: The status; None for any status that is not listed.
    status: int | None
    description: str
    #: The type of the body by media type; None for a body of any type.
    content: Mapping[str, Any] = {}
    #: The headers beside the trace id, which every response has; None if the document lists no headers.
    headers: tuple[str, ...] | None = ()
    links: Mapping[str, Link] = {}


@frozen(kw_only=True)
class Operation:
    """A method of a path, with its request and its responses."""

    method: str
    path: str
    id: str
    responses: tuple[DocumentedResponse, ...]
    #: The class of the JSON body, which a request may omit unless a field of the class is required.
    body: type | None = None
    #: The media types of a file that is the body, which is streamed.
    upload: tuple[str, ...] = ()
    #: The class whose fields are the query parameters.
    query: type | None = None
    parameters: tuple[Parameter, ...] = ()
    #: Statuses of problems beside those that follow from the other attributes.
    problems: tuple[int, ...] = ()
    #: Whether the handler of GET also serves HEAD.
    has_head: bool = True

    @property
    def methods(self) -> tuple[str, ...]:
        """Returns the HTTP methods that the operation serves."""
        return ("GET", "HEAD") if self.method == "GET" and self.has_head else (self.method,)


def documented_json(
    status: int,
    document: Any,  # noqa: ANN401 - a type with its annotations
    description: str,
    *headers: str,
    links: Mapping[str, Link] | None = None,
) -> DocumentedResponse:
    """Returns the declaration of a response with a JSON document."""
    return DocumentedResponse(
        status=status, description=description, content={JSON: document}, headers=headers, links=links or {}
    )
