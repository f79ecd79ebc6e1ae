"""What each path does."""

from chatcore_service.http import paths
from chatcore_service.openapi.links import (
    FROM_CONVERSATION,
    FROM_OPEN_CONVERSATION,
    FROM_PAGE,
    FROM_RENAMED,
    FROM_TURN,
)
from chatcore_service.openapi.parts import headers, parameters, passed_on, problems
from chatcore_service.openapi.schemas import EVENT, Schema, reference

# What any request, and any request with a token, may be answered with.
_ANY = (400, 405, 408, 431, 500)
_SECURED = (*_ANY, 401, 503)
_WITH_BODY = (*_SECURED, 413, 415, 422)

_STREAM_OF_FRAMES = """Server-sent events, byte for byte as the inference service sent them: `data: {"token":"…"}`
frames and at the end `data: {"done":true}`. Beyond that only comments (`: keep-alive`), and, where the reply is not
complete, an error frame before the closing one. When the server shuts down, or the stream has lived its time, it ends
with the comment `: reconnect` and no closing frame: go on at `Content-Location`. Closing the connection does not stop
the reply."""

_STREAM_OF_TEXT = """Server-sent events, each with an `id`: the number of code points of text up to and including it.
Token frames, perhaps a rewind frame first, an error frame where the reply is not complete, and the closing frame. Ends
with the comment `: reconnect` and no closing frame when the server shuts down or the stream has lived its time: come
back with the last id."""

_NO_BODY: Schema = {"description": "Done."}


def _json(schema: str, description: str, *response_headers: str, links: Schema | None = None) -> Schema:
    response: Schema = {
        "description": description,
        "headers": headers(*response_headers),
        "content": {"application/json": {"schema": reference(schema)}},
    }
    return response | ({"links": links} if links else {})


def _body(schema: str, *, required: bool) -> Schema:
    return {"required": required, "content": {"application/json": {"schema": reference(schema)}}}


def _events(description: str, *response_headers: str) -> Schema:
    return {
        "description": " ".join(description.split()),
        "headers": headers(*response_headers),
        "content": {"text/event-stream": {"schema": EVENT}},
    }


def _operation(
    operation_id: str,
    summary: str,
    responses: dict[str, Schema],
    *,
    statuses: tuple[int, ...] = _SECURED,
    body: Schema | None = None,
    takes: tuple[str, ...] = (),
    is_public: bool = False,
) -> Schema:
    all_responses = {**problems(*statuses), **responses}
    operation: Schema = {
        "operationId": operation_id,
        "summary": summary,
        "responses": dict(sorted(all_responses.items())),
    }
    if takes:
        operation["parameters"] = parameters(*takes)
    if body is not None:
        operation["requestBody"] = body
    if is_public:
        operation["security"] = []
    return operation


_ACCEPTED = _json(
    "Turn",
    "Accepted, as preferred; the reply is being made.",
    "Stream-Location",
    "Preference-Applied",
    links=FROM_TURN,
)
_UNREAD: Schema = {
    "description": "The inference service's answer, unchanged.",
    "headers": headers(),
    "content": {"application/json": {}, "*/*": {}},
}
_PASSED_ON: dict[str, Schema] = {**passed_on(400, 404, 422, 429, 500, 503), "default": _UNREAD}

_CONVERSATION_PATHS: dict[str, Schema] = {
    paths.CONVERSATIONS: {
        "get": _operation(
            "listConversations",
            "List conversations, newest first",
            {"200": _json("ConversationPage", "A page of them.", links=FROM_PAGE)},
            statuses=(*_SECURED, 422),
            takes=("limit", "offset", "cursor"),
        ),
        "post": _operation(
            "createConversation",
            "Create a conversation",
            {"201": _json("Conversation", "It is there.", "Location", links=FROM_CONVERSATION)},
            statuses=_WITH_BODY,
            body=_body("NewConversation", required=False),
        ),
    },
    paths.CONVERSATION: {
        "parameters": parameters("conversation_id"),
        "get": _operation(
            "openConversation",
            "Open a conversation",
            {"200": _json("OpenConversation", "With its messages.", links=FROM_OPEN_CONVERSATION)},
            statuses=(*_SECURED, 404, 422),
            takes=("branches",),
        ),
        "put": _operation(
            "renameConversation",
            "Rename a conversation",
            {"200": _json("Conversation", "As it is now.", links=FROM_RENAMED)},
            statuses=(*_WITH_BODY, 404),
            body=_body("Rename", required=True),
        ),
        "delete": _operation(
            "deleteConversation",
            "Delete a conversation and all its messages",
            {"204": _NO_BODY | {"headers": headers()}},
            statuses=(*_SECURED, 404),
        ),
    },
}

_REPLY_PATHS: dict[str, Schema] = {
    paths.MESSAGES: {
        "parameters": parameters("conversation_id"),
        "post": _operation(
            "sendMessage",
            "Send a message, and stream the reply",
            {"200": _events(_STREAM_OF_FRAMES, "Content-Location"), "202": _ACCEPTED},
            statuses=(*_WITH_BODY, 404, 409, 429),
            body=_body("NewMessage", required=True),
            takes=("idempotency_key", "prefer"),
        ),
    },
    paths.REGENERATE: {
        "parameters": parameters("conversation_id"),
        "post": _operation(
            "regenerateReply",
            "Reply anew to the last message, and stream the reply",
            {"200": _events(_STREAM_OF_FRAMES, "Content-Location"), "202": _ACCEPTED},
            statuses=(*_WITH_BODY, 404, 409, 429),
            body=_body("Regeneration", required=False),
            takes=("prefer",),
        ),
    },
    paths.REPLY_STREAM: {
        "parameters": parameters("conversation_id", "message_id"),
        "get": _operation(
            "followReply",
            "Follow a reply from where the reader left off, live or finished",
            {
                "200": _events(_STREAM_OF_TEXT),
                "204": {"description": "The reader has all of a finished reply.", "headers": headers()},
            },
            statuses=(*_SECURED, 404, 429),
            takes=("last_event_id", "text_offset"),
        ),
    },
    paths.REPLY_STOP: {
        "parameters": parameters("conversation_id", "message_id"),
        "post": _operation(
            "stopReply",
            "Stop a reply that is being made, and keep its text",
            {"200": _json("Message", "The reply.")},
            statuses=(*_SECURED, 404),
        ),
    },
}

_OTHER_PATHS: dict[str, Schema] = {
    paths.MODELS: {
        "get": _operation("listModels", "List the models of the inference service", {"200": _UNREAD, **_PASSED_ON}),
    },
    paths.SWAP: {
        "post": _operation(
            "swapModel",
            "Load another model; for administrators",
            {"202": _UNREAD, **_PASSED_ON},
            statuses=(*_WITH_BODY, 403),
            body=_body("Swap", required=True),
        ),
    },
    paths.HEALTH: {
        "get": _operation("health", "Liveness", {"200": _json("Health", "It lives.")}, statuses=_ANY, is_public=True),
    },
    paths.READY: {
        "get": _operation(
            "readiness",
            "Readiness: does this process reach what it needs",
            {"200": _json("Readiness", "It does."), "503": _json("Readiness", "It does not.", "Retry-After")},
            statuses=_ANY,
            is_public=True,
        ),
    },
    paths.METRICS: {
        "get": _operation(
            "metrics",
            "Figures for Prometheus",
            {"200": {"description": "All of them.", "content": {"text/plain": {"schema": {"type": "string"}}}}},
            statuses=_ANY,
            is_public=True,
        ),
    },
    paths.OPENAPI: {
        "get": _operation(
            "openapi",
            "This document",
            {"200": {"description": "OpenAPI 3.1.", "content": {"application/json": {"schema": {"type": "object"}}}}},
            statuses=_ANY,
            is_public=True,
        ),
    },
    paths.DOCS: {
        "get": _operation(
            "docs",
            "This document, to be read",
            {"200": {"description": "A page.", "content": {"text/html": {"schema": {"type": "string"}}}}},
            statuses=_ANY,
            is_public=True,
        ),
    },
}

#: All paths, in the order in which one reads about them.
PATHS: dict[str, Schema] = {**_CONVERSATION_PATHS, **_REPLY_PATHS, **_OTHER_PATHS}
