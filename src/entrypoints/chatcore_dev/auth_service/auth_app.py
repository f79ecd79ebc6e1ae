"""Implements the local auth service as an ASGI application."""

from http import HTTPStatus

from attrs import asdict, frozen
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from chatcore.key_ring import Key, keys_in
from chatcore_dev.auth_service.jwt import BadTokenError
from chatcore_dev.auth_service.sign_in import SignIn
from chatcore_dev.auth_service.user_tokens import token_claims
from chatcore_dev.auth_service.users import USERS
from chatcore_dev.service_parts.json_requests import RefusedError, json_object, refusal, require_internal_key

MAX_BODY_BYTES = 64 * 1024


@frozen
class _AuthEndpoints:
    internal_keys: tuple[Key, ...]

    async def index(self, _request: Request) -> JSONResponse:
        return JSONResponse({"service": "chatcore local auth", "users": sorted(USERS)})

    async def validate(self, request: Request) -> JSONResponse:
        require_internal_key(request, self.internal_keys)
        token = (await json_object(request, max_bytes=MAX_BODY_BYTES)).get("token")
        if not isinstance(token, str):
            raise RefusedError(HTTPStatus.BAD_REQUEST, "token is missing or is not text.")
        try:
            claims = token_claims(token, self.internal_keys)
        except BadTokenError as error:
            return JSONResponse({"valid": False, "reason": str(error)}, HTTPStatus.UNAUTHORIZED)
        user = next(user for user in USERS.values() if user.id == claims["sub"])
        return JSONResponse({"valid": True, "user": asdict(user), "claims": claims})


def create_auth_app(internal_key: str, sign_in: SignIn | None = None) -> Starlette:
    """Builds the ASGI application of the auth service.

    Args:
        internal_key: the keys, separated by commas; a caller must send one of them.
        sign_in: signs a page in; None for a service without a page.
    """
    endpoints = _AuthEndpoints(keys_in(internal_key))
    return Starlette(
        routes=[
            Route("/", endpoints.index, methods=["GET"]),
            Route("/auth/validate", endpoints.validate, methods=["POST"]),
            *([] if sign_in is None else [sign_in.route()]),
        ],
        exception_handlers={RefusedError: refusal},
    )
