"""The shapes of what is sent and received, as JSON Schema 2020-12."""

from chatcore.conversations.conversation import DEFAULT_MODEL_TAG, DEFAULT_TITLE
from chatcore.conversations.listing import MAX_PAGE
from chatcore.conversations.message import Role, Status
from chatcore.replies.sampling import MAX_TEMPERATURE, MAX_TOKENS, MAX_TOP_K
from chatcore.reply_error import ReplyError
from chatcore.text import MAX_CONTENT_CHARS, MAX_MODEL_TAG_CHARS, MAX_TITLE_CHARS, MAX_USER_ID_CHARS
from chatcore_service.http.problems import MAX_FIELD_CHARS, MAX_PROBLEMS
from chatcore_service.openapi.problem_codes import problem_codes

__all__ = ["EVENT", "SCHEMAS", "reference"]

Schema = dict[str, object]


def reference(name: str) -> Schema:
    """A schema by its name."""
    return {"$ref": f"#/components/schemas/{name}"}


def _object(properties: dict[str, Schema], *, optional: tuple[str, ...] = (), description: str = "") -> Schema:
    schema: Schema = {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }
    return schema | ({"description": description} if description else {})


def _nullable(schema: Schema) -> Schema:
    return schema | {"type": [schema["type"], "null"]}


def _text(max_chars: int, description: str = "") -> Schema:
    schema: Schema = {"type": "string", "minLength": 1, "maxLength": max_chars, "pattern": _STORABLE}
    return schema | ({"description": description} if description else {})


# U+0000 cannot be stored. Nor can a lone surrogate, but that is no character, and no string of JSON Schema has one.
_STORABLE = "^[^\\u0000]*$"

_ID: Schema = {"type": "string", "format": "uuid"}
_INSTANT: Schema = {"type": "string", "format": "date-time", "description": "ISO 8601, in UTC."}
_COUNT: Schema = {"type": "integer", "minimum": 0}

_CONVERSATION: dict[str, Schema] = {
    "id": _ID,
    "user_id": {"type": "string", "minLength": 1, "maxLength": MAX_USER_ID_CHARS},
    "title": _text(MAX_TITLE_CHARS, f"“{DEFAULT_TITLE}” until it has a message or a title of its own."),
    "model_tag": _text(MAX_MODEL_TAG_CHARS, f"“{DEFAULT_MODEL_TAG}” unless another was chosen."),
    "created_at": _INSTANT,
    "updated_at": _INSTANT,
}

_SAMPLING: dict[str, Schema] = {
    "temperature": {"type": ["number", "null"], "minimum": 0, "maximum": MAX_TEMPERATURE},
    "max_tokens": {"type": ["integer", "null"], "minimum": 1, "maximum": MAX_TOKENS},
    "top_k": {"type": ["integer", "null"], "minimum": 0, "maximum": MAX_TOP_K},
}

#: All schemas, by name.
SCHEMAS: dict[str, Schema] = {
    "Conversation": _object(_CONVERSATION),
    "Message": _object(
        {
            "id": _ID,
            "conversation_id": _ID,
            "role": {"type": "string", "enum": [role.value for role in Role]},
            "content": {"type": "string", "description": "Empty while the reply is streaming: it is in its stream."},
            "token_count": _nullable(_COUNT),
            "model_tag": {"type": ["string", "null"]},
            "inference_time_ms": _nullable(_COUNT),
            "created_at": _INSTANT,
            "status": {"type": "string", "enum": [status.value for status in Status]},
            "parent_id": _nullable(_ID),
        }
    ),
    "OpenConversation": _object(
        {**_CONVERSATION, "messages": {"type": "array", "items": reference("Message"), "description": "Oldest first."}}
    ),
    "ConversationPage": _object(
        {
            "items": {"type": "array", "items": reference("Conversation"), "maxItems": MAX_PAGE},
            "grouped": {
                "type": "object",
                "description": "The items of this page by the UTC date of `updated_at`, newest first.",
                "propertyNames": {"format": "date"},
                "additionalProperties": {"type": "array", "items": reference("Conversation")},
            },
            "limit": {"type": "integer"},
            "offset": {"type": "integer"},
            "next_cursor": {
                "type": ["string", "null"],
                "description": "Given back as `cursor`, it leads to the next page; null on the last.",
            },
        }
    ),
    "Turn": _object({"user_message": reference("Message"), "assistant_message": reference("Message")}),
    "NewConversation": _object(
        {"title": _nullable(_text(MAX_TITLE_CHARS)), "model_tag": _nullable(_text(MAX_MODEL_TAG_CHARS))},
        optional=("title", "model_tag"),
    ),
    "Rename": _object({"title": _text(MAX_TITLE_CHARS)}),
    "NewMessage": _object({"content": _text(MAX_CONTENT_CHARS), **_SAMPLING}, optional=tuple(_SAMPLING)),
    "Regeneration": _object(_SAMPLING, optional=tuple(_SAMPLING)),
    "Swap": _object({"model_tag": _text(MAX_MODEL_TAG_CHARS)}),
    "Health": _object(
        {"status": {"const": "ok"}, "ready": {"const": True}, "service": {"const": "chat-api"}},
        description="The same as long as the process lives; readiness is `/api/ready`.",
    ),
    "Readiness": _object(
        {
            "status": {"enum": ["ok", "unavailable"]},
            "checks": _object(
                {
                    "process": {"enum": ["ok", "draining"]},
                    **{name: {"enum": ["ok", "unavailable"]} for name in ("database", "auth", "inference")},
                }
            ),
        }
    ),
    "Problem": _object(
        {
            "type": {"type": "string", "format": "uri"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string", "description": "One clear sentence."},
            "code": {
                "type": "string",
                "description": "Stable, for machines.",
                "oneOf": [{"const": code, "description": meaning} for code, meaning in problem_codes().items()],
            },
            "errors": {
                "type": "array",
                "items": _object(
                    {"field": {"type": "string", "maxLength": MAX_FIELD_CHARS}, "problem": {"type": "string"}}
                ),
                "maxItems": MAX_PROBLEMS,
                "description": (
                    f"Each field with a problem; the first {MAX_PROBLEMS}, "
                    f"their names cut to {MAX_FIELD_CHARS} characters."
                ),
            },
        },
        optional=("errors",),
        description="RFC 9457.",
    ),
    "TokenFrame": {
        "type": "object",
        "properties": {"token": {"type": "string"}},
        "required": ["token"],
        "description": "More of the reply's text. In the streams of POST requests it may hold other keys.",
    },
    "RewindFrame": _object(
        {"rewind": _COUNT}, description="The reader was shown more than survived a crash: keep so many code points."
    ),
    "ErrorFrame": _object(
        {"error": {"enum": [error.value for error in ReplyError]}, "detail": {"type": "string"}},
        description="Why the reply is not complete.",
    ),
    "DoneFrame": _object({"done": {"const": True}}, description="The end of the reply."),
}

#: One event of a stream, as an EventSource hands it out. OpenAPI 3.1 does not say what a schema of `text/event-stream`
#: is about; its readers take it for that of each event.
EVENT: Schema = {
    "type": "object",
    "properties": {
        "data": {
            "type": "string",
            "contentMediaType": "application/json",
            "contentSchema": {
                "oneOf": [reference(name) for name in ("TokenFrame", "RewindFrame", "ErrorFrame", "DoneFrame")]
            },
        },
        "id": {"type": "string", "pattern": "^[0-9]+$"},
    },
    "required": ["data"],
}
