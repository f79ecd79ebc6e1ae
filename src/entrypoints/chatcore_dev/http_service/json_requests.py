"""Reads JSON requests to the local services, and refuses invalid ones."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import cast

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from chatcore.key_ring import Key
from chatcore_dev.http_service.constant_time import is_one_of


class RefusedError(Exception):
    """The request is refused with this status, for this reason."""

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
    """Returns if the request carries one of these keys; compares in constant time.

    Raises:
        RefusedError: 403, the key is missing or wrong.
    """
    shown = request.headers.get("X-Internal-API-Key", "").encode("latin-1")
    if not is_one_of(shown, (key.text.encode() for key in expected)):
        raise RefusedError(HTTPStatus.FORBIDDEN, "The internal API key is missing or wrong.")


async def json_object(request: Request, *, max_bytes: int) -> dict[str, object]:
    """Reads the request's body, which must be a JSON object of at most `max_bytes`.

    Raises:
        RefusedError: 413, the body is too long; 400, it is not a JSON object.
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
    # JSON object keys are always text.
    return cast("dict[str, object]", parsed)
