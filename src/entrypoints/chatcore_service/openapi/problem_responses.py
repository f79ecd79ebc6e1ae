"""Describes the responses that are problem documents."""

from collections.abc import Iterable
from http import HTTPStatus

from chatcore_service.http import media_types, paths
from chatcore_service.http.operation import DocumentedResponse, Operation
from chatcore_service.http.problems import ProblemDocument

# These are the statuses of problems with any request, any request but a probe, any request that needs a token, and any
# request with a body.
_ANY = (400, 405, 408, 431, 500)
_NO_PROBE = (503,)
_SECURED = (401, 429)
_WITH_BODY = (413, 415, 422)

DESCRIPTIONS = {
    400: "The request is not well-formed HTTP, JSON or UTF-8, there is nothing to regenerate, or the "
    "confirmation of a deletion is missing.",
    401: "There is no valid bearer token. Behind a trusted proxy: the proxy names no user, or a page of another site "
    "sent the request.",
    403: "The user is not an administrator, or the request has no bearer token where only that will do.",
    404: "The resource does not exist or belongs to another user; the response is the same for both.",
    405: "The resource does not support the method.",
    408: "The request did not arrive in time.",
    409: "The request conflicts with the conversation's state. While a reply is being generated, `Location` is the "
    "path of its stream.",
    413: "The body is too large.",
    415: "The body is not plain JSON, or a file not JSON lines either.",
    422: "A value breaks a rule; `errors` names each field.",
    429: "The user has too many requests, open streams or replies in progress, or sends requests too often.",
    431: "The request line and headers are too large.",
    500: "The service failed unexpectedly.",
    502: "The inference service refuses this service's own key.",
    503: "A service that the request needs is unavailable, or this process is overloaded.",
}

HEADERS = {
    401: ("WWW-Authenticate",),
    405: ("Allow",),
    409: ("Stream-Location",),
    429: ("Retry-After",),
    503: ("Retry-After",),
}


def problem_statuses(operation: Operation, *, is_public: bool) -> Iterable[int]:
    """Returns the statuses of all problem documents that an operation may respond with."""
    statuses = {*_ANY, *operation.problems}
    if operation.path not in paths.PROBES:
        statuses |= {*_NO_PROBE}
    if not is_public:
        statuses |= {*_SECURED}
    if operation.body or operation.upload:
        statuses |= {*_WITH_BODY}
    if operation.query:
        statuses.add(HTTPStatus.UNPROCESSABLE_ENTITY)
    if "{" in operation.path:
        statuses.add(HTTPStatus.NOT_FOUND)
    return statuses


def component_name(status: int) -> str:
    """Returns the name of the problem response with this status."""
    return HTTPStatus(status).name


def problem_response(status: int) -> DocumentedResponse:
    """Describes the problem response with this status."""
    return DocumentedResponse(
        status=status,
        description=DESCRIPTIONS[status],
        content={media_types.PROBLEM: ProblemDocument},
        headers=HEADERS.get(status, ()),
    )
