"""A small auth service for one's own machine: two users, signed tokens, the real contract over HTTP.

`python -m chatcore_dev.auth_service` serves it and prints the users' tokens.
"""

import hmac
import time
from hashlib import sha256
from http import HTTPStatus
from uuid import NAMESPACE_DNS, uuid5

from attrs import asdict, frozen
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from chatcore.key_ring import Key, keys_in
from chatcore_dev.json_requests import RefusedError, json_object, refusal, require_internal_key
from chatcore_dev.serving import Address, internal_api_key, parser, serve
from chatcore_dev.terminal import say
from chatcore_dev.tokens import BadTokenError, claims_in, sign

TOKEN_LIFE_SECONDS = 30 * 24 * 3600
MAX_BODY_BYTES = 64 * 1024
DEFAULT_PORT = 8001


@frozen
class LocalUser:
    """A user as the auth service shows it."""

    id: str
    email: str
    name: str
    is_admin: bool


def _user(name: str, *, is_admin: bool) -> LocalUser:
    # The same id on every machine and in every run, so that conversations stay their owner's.
    email = f"{name}@chatcore.localhost"
    return LocalUser(str(uuid5(NAMESPACE_DNS, email)), email, name, is_admin)


USERS = {user.name: user for user in (_user("demo", is_admin=False), _user("admin", is_admin=True))}


def mint_token(internal_key: str, name: str, *, life_seconds: float = TOKEN_LIFE_SECONDS) -> str:
    """A token for the user called `name` (`demo` or `admin`) that a local auth service with this key accepts.

    Of several keys the first signs.
    """
    user = USERS[name]
    now = int(time.time())
    claims: dict[str, object] = {"sub": user.id, "name": user.name, "iat": now, "exp": now + life_seconds}
    return sign(claims, _signing_secret(keys_in(internal_key)[0]))


def _signing_secret(internal_key: Key) -> bytes:
    # Derived, so that one key is all there is to keep; whoever holds that one may impersonate users anyway.
    return hmac.digest(internal_key.text.encode(), b"tokens of the local auth service", sha256)


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
            claims = claims_in(token, [_signing_secret(key) for key in self.internal_keys], time.time())
            user = next(user for user in USERS.values() if user.id == claims["sub"])
        except BadTokenError as error:
            return JSONResponse({"valid": False, "reason": str(error)}, HTTPStatus.UNAUTHORIZED)
        return JSONResponse({"valid": True, "user": asdict(user), "claims": claims})


def create_app(internal_key: str) -> Starlette:
    """The service as an ASGI application; callers must show `internal_key`, or one of several separated by commas."""
    endpoints = _AuthEndpoints(keys_in(internal_key))
    return Starlette(
        routes=[
            Route("/", endpoints.index, methods=["GET"]),
            Route("/auth/validate", endpoints.validate, methods=["POST"]),
        ],
        exception_handlers={RefusedError: refusal},
    )


def main() -> None:
    """The command line."""
    options = parser("A small auth service for one's own machine.", default_port=DEFAULT_PORT)
    options.add_argument("--print-token", choices=sorted(USERS), help="print this user's token and end")
    arguments = options.parse_args()
    key = internal_api_key()
    if arguments.print_token:
        say(mint_token(key, arguments.print_token))
        return
    for name in USERS:
        say(f"token of {name}: {mint_token(key, name)}")
    serve(create_app(key), Address(arguments.host, arguments.port))


if __name__ == "__main__":
    main()
