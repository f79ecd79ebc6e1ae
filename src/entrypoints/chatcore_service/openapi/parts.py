"""Parameters, headers and responses that several operations share."""

from http import HTTPStatus

from chatcore.conversations.listing import CURSOR_PATTERN, DEFAULT_PAGE, MAX_OFFSET, MAX_PAGE
from chatcore.replies.idempotency import KEPT_HOURS, MAX_KEY_CHARS
from chatcore_service.http.headers import MAX_EVENT_ID
from chatcore_service.http.trace import ID_PATTERN
from chatcore_service.openapi.schemas import Schema, reference


def _path_id(name: str) -> Schema:
    return {"in": "path", "name": name, "required": True, "schema": {"type": "string", "format": "uuid"}}


PARAMETERS: dict[str, Schema] = {
    "conversation_id": _path_id("conversation_id"),
    "message_id": _path_id("message_id"),
    "limit": {
        "in": "query",
        "name": "limit",
        "schema": {"type": "integer", "minimum": 1, "maximum": MAX_PAGE, "default": DEFAULT_PAGE},
    },
    "offset": {
        "in": "query",
        "name": "offset",
        "schema": {"type": "integer", "minimum": 0, "maximum": MAX_OFFSET, "default": 0},
        "description": "How many conversations to pass over, each of which takes time. `cursor` wins over it.",
    },
    "cursor": {
        "in": "query",
        "name": "cursor",
        "schema": {"type": "string", "pattern": CURSOR_PATTERN},
        "description": (
            "A page's `next_cursor`. Neither skips nor repeats a conversation when others are added, and takes no "
            "longer for later pages."
        ),
    },
    "branches": {
        "in": "query",
        "name": "branches",
        "schema": {"enum": ["active", "all"], "default": "active"},
        "description": "`all`: every message of the tree, in the order in which they were made.",
    },
    "text_offset": {
        "in": "query",
        "name": "offset",
        "schema": {"type": "integer", "minimum": 0, "maximum": MAX_EVENT_ID, "default": 0},
        "description": "How many code points of the reply the reader has. `Last-Event-ID` wins over it.",
    },
    "last_event_id": {
        "in": "header",
        "name": "Last-Event-ID",
        "schema": {"type": "integer", "minimum": 0, "maximum": MAX_EVENT_ID},
        "description": "The id of the last frame that the reader has.",
    },
    "idempotency_key": {
        "in": "header",
        "name": "Idempotency-Key",
        "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY_CHARS, "pattern": "^[!-~]+$"},
        "description": (
            f"A repeat by the same user with the same key and body, within {KEPT_HOURS} hours, is answered with the "
            "first one's reply and appends nothing."
        ),
    },
    "prefer": {
        "in": "header",
        "name": "Prefer",
        "schema": {"type": "string", "examples": ["respond-async"]},
        "description": "`respond-async`: answer at once with 202 and the reply's stream in `Location`.",
    },
}

HEADERS: dict[str, Schema] = {
    "x-trace-id": {
        "schema": {"type": "string", "pattern": f"^{ID_PATTERN}$"},
        "description": "The request's own `x-trace-id` or `x-request-id` if it was well-formed, else a new one.",
    },
    "Location": {"schema": {"type": "string"}, "description": "The path of the thing that was made."},
    "Stream-Location": {"schema": {"type": "string"}, "description": "The path of the reply's stream."},
    "Content-Location": {"schema": {"type": "string"}, "description": "The path of the reply's own stream."},
    "Preference-Applied": {"schema": {"const": "respond-async"}},
    "Retry-After": {"schema": {"type": "integer"}, "description": "Seconds after which another try makes sense."},
    "WWW-Authenticate": {"schema": {"const": "Bearer"}},
    "Allow": {"schema": {"type": "string"}},
}

_PROBLEMS = {
    400: "The request is not HTTP, JSON or UTF-8 as it should be.",
    401: "There is no valid bearer token.",
    403: "The user is no administrator.",
    404: "There is no such thing, or it is another user's: nothing tells the two apart.",
    405: "The resource does not support the method.",
    408: "The request did not arrive in time.",
    409: "It does not fit the present state. Where a reply is being generated, `Location` is its stream.",
    413: "The body is too large.",
    415: "The body is not plain JSON.",
    422: "A value breaks a rule; `errors` names each field.",
    429: "The user has too many streams open, or too many replies in the making.",
    431: "The request line and headers are too large.",
    500: "Something went wrong on our side.",
    503: "Something that the request needs is away.",
}

_PROBLEM_HEADERS = {
    401: ("WWW-Authenticate",),
    405: ("Allow",),
    409: ("Stream-Location",),
    429: ("Retry-After",),
    503: ("Retry-After",),
}


def headers(*names: str) -> dict[str, Schema]:
    """Headers of a response, and the trace id that all have."""
    return {
        "Location" if name == "Stream-Location" else name: {"$ref": f"#/components/headers/{name}"}
        for name in ("x-trace-id", *names)
    }


def _problem_response(status: int, description: str) -> Schema:
    return {
        "description": description,
        "headers": headers(*_PROBLEM_HEADERS.get(status, ())),
        "content": {"application/problem+json": {"schema": reference("Problem")}},
    }


#: A response for each way of saying no.
PROBLEM_RESPONSES: dict[str, Schema] = {
    HTTPStatus(status).name: _problem_response(status, description) for status, description in _PROBLEMS.items()
}


def problems(*statuses: int) -> dict[str, Schema]:
    """References to the responses of these statuses."""
    return {
        str(status): {"$ref": f"#/components/responses/{HTTPStatus(status).name}"} for status in sorted(set(statuses))
    }


def passed_on(*statuses: int) -> dict[str, Schema]:
    """Responses that are the inference service's own, or problem documents where it did not come to that."""
    return {
        str(status): {
            "description": f"{_PROBLEMS[status]} Or the inference service's answer, unchanged.",
            "headers": headers(*_PROBLEM_HEADERS.get(status, ())),
            "content": {"application/problem+json": {"schema": reference("Problem")}, "*/*": {}},
        }
        for status in statuses
    }


def parameters(*names: str) -> list[Schema]:
    """References to parameters."""
    return [{"$ref": f"#/components/parameters/{name}"} for name in names]
