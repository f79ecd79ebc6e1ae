"""Reads JSON requests to the local services, and refuses invalid requests."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import cast

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from chatcore.constant_time import is_one_of
from chatcore.key_ring import Key


class RefusedError(Exception):
    """Refuses a request with a status and a reason."""

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


async def refusal(_request: Request, error: Exception) -> Response:
    """Builds the response to a `RefusedError`, as an exception handler for Starlette."""
    if not isinstance(error, RefusedError):
        raise error
    return JSONResponse({"detail": error.reason}, error.status)


def require_internal_key(request: Request, expected: Iterable[Key]) -> None:
    """Checks in constant time that the request has one of these keys.

    Raises:
        RefusedError: the key is missing or wrong (403).
    """
    shown = request.headers.get("X-Internal-API-Key", "").encode("latin-1")
    if not is_one_of(shown, (key.text.encode() for key in expected)):
        raise RefusedError(HTTPStatus.FORBIDDEN, "The internal API key is missing or wrong.")


async def json_object(request: Request, *, max_bytes: int) -> dict[str, object]:
    """Reads the request's body, which must be a JSON object of at most `max_bytes`.

    Raises:
        RefusedError: the body is too long (413) or is not a JSON object (400).
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            raise RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"A body has at most {max_bytes} bytes.")
    try:
        parsed: object = orjson.loads(body)
    except orjson.JSONDecodeError:
        parsed = None
    if not isinstance(parsed, dict):
        raise RefusedError(HTTPStatus.BAD_REQUEST, "The body is not a JSON object.")
    # The keys of a JSON object are always text.
    return cast("dict[str, object]", parsed)
