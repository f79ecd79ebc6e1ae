"""Parses requests for a reply and checks the requests' limits."""

from http import HTTPStatus
from typing import cast

from attrs import frozen

from chatcore_dev.service_parts.json_requests import RefusedError

MAX_MESSAGES = 500
MAX_MESSAGE_CHARS = 8000
MAX_TOTAL_CHARS = 32000
MAX_TOKENS = 4096
MAX_TEMPERATURE = 2
MAX_TOP_K = 200

_ROLES = frozenset({"user", "assistant"})


@frozen
class GenerationRequest:
    """A request within the limits, reduced to the values that a chatbot needs."""

    #: The user's last message; empty if the user wrote no message.
    statement: str
    max_tokens: int


def parse_generation_request(body: dict[str, object]) -> GenerationRequest:
    """Parses the body of a request.

    Raises:
        RefusedError: the body exceeds a limit (400); the reason names the field.
    """
    messages = body.get("messages")
    if not isinstance(messages, list):
        raise _bad("messages must be a list")
    parsed = [_message(message) for message in cast("list[object]", messages)]
    if not 1 <= len(parsed) <= MAX_MESSAGES:
        raise _bad(f"messages must be 1 to {MAX_MESSAGES}")
    if sum(len(content) for _, content in parsed) > MAX_TOTAL_CHARS:
        raise _bad(f"messages must hold at most {MAX_TOTAL_CHARS} characters in all")
    _number(body, "temperature", 0, MAX_TEMPERATURE)
    _integer(body, "top_k", 0, MAX_TOP_K)
    return GenerationRequest(
        statement=next((content for role, content in reversed(parsed) if role == "user"), ""),
        max_tokens=_integer(body, "max_tokens", 1, MAX_TOKENS) or MAX_TOKENS,
    )


def _message(message: object) -> tuple[str, str]:
    fields = cast("dict[str, object]", message) if isinstance(message, dict) else {}
    role, content = fields.get("role"), fields.get("content")
    if not isinstance(role, str) or role not in _ROLES:
        raise _bad("a message's role must be user or assistant")
    if not isinstance(content, str) or not 1 <= len(content) <= MAX_MESSAGE_CHARS:
        raise _bad(f"a message's content must be text of 1 to {MAX_MESSAGE_CHARS} characters")
    return role, content


def _number(body: dict[str, object], name: str, low: int, high: int) -> float | None:
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise _bad(f"{name} must be a number from {low} to {high}")
    return value


def _integer(body: dict[str, object], name: str, low: int, high: int) -> int | None:
    value = _number(body, name, low, high)
    if value is None or isinstance(value, int):
        return value
    raise _bad(f"{name} must be an integer from {low} to {high}")


def _bad(problem: str) -> RefusedError:
    return RefusedError(HTTPStatus.BAD_REQUEST, f"{problem}.")
