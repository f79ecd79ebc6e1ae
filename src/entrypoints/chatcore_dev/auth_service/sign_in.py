"""Exchanges the one-time code in the address that `chatcore dev` prints for a token.

The built-in page sends the code, which is worth a token once, within ten minutes. A page of another origin gets
nothing, and neither does a request to a name of another host that leads to this machine.
"""

import secrets
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from chatcore.constant_time import is_one_of
from chatcore_dev.auth_service.user_tokens import mint_token
from chatcore_dev.service_parts.json_requests import RefusedError, json_object

#: Where the page exchanges its code.
SIGN_IN_PATH: Final = "/sign-in"
#: The variables in which the stack tells the auth service the code, and the origins of the page, separated by commas.
CODE_VARIABLE: Final = "CHATCORE_DEV_SIGN_IN_CODE"
ORIGINS_VARIABLE: Final = "CHATCORE_DEV_SIGN_IN_ORIGINS"

LIFETIME_SECONDS: Final = 600.0

_CODE_BYTES = 16
_LOOPBACK_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})
_MAX_BODY_BYTES = 4096


def new_code() -> str:
    """Returns a random code of 128 bits."""
    return secrets.token_urlsafe(_CODE_BYTES)


class OneTimeCode:
    """A code that can be taken once, within its lifetime.

    Args:
        code: the code.
        now: the current monotonic time in seconds.
    """

    def __init__(self, code: str, now: float) -> None:
        self._code: str | None = code
        self._expires_at = now + LIFETIME_SECONDS

    def take(self, shown: str, now: float) -> bool:
        """Returns whether `shown` is the code and the code is still valid; it is not valid any more afterwards."""
        if self._code is None or now >= self._expires_at:
            return False
        if not is_one_of(shown.encode("utf-8", "replace"), [self._code.encode()]):
            return False
        self._code = None
        return True


class SignIn:
    """Exchanges a code for a token of the user `demo`.

    Args:
        code: the code.
        origins: the origins of the page.
        internal_key: the keys, separated by commas; the first key signs the token.
    """

    def __init__(self, code: OneTimeCode, origins: tuple[str, ...], internal_key: str) -> None:
        self._code = code
        self._origins = origins
        self._internal_key = internal_key

    def route(self) -> Route:
        """Returns the route, with the CORS headers that the page's browser needs."""
        cors = Middleware(
            CORSMiddleware, allow_origins=self._origins, allow_methods=["POST"], allow_headers=["content-type"]
        )
        # The middleware answers OPTIONS.
        return Route(SIGN_IN_PATH, self._exchange, methods=["POST", "OPTIONS"], middleware=[cors])

    async def _exchange(self, request: Request) -> JSONResponse:
        if request.headers.get("origin") not in self._origins or not _names_loopback(request):
            raise RefusedError(HTTPStatus.FORBIDDEN, "Only the page of this stack may sign in here.")
        code = (await json_object(request, max_bytes=_MAX_BODY_BYTES)).get("code")
        if not isinstance(code, str) or not self._code.take(code, time.monotonic()):
            raise RefusedError(HTTPStatus.UNAUTHORIZED, "The code is wrong, was used, or is too old.")
        return JSONResponse({"token": mint_token(self._internal_key, "demo")}, headers={"Cache-Control": "no-store"})


def sign_in_from(variables: Mapping[str, str], internal_key: str) -> SignIn | None:
    """Returns the sign-in that the environment describes; None if it describes none.

    Args:
        variables: the environment.
        internal_key: the keys, separated by commas; the first key signs the token.
    """
    code = variables.get(CODE_VARIABLE)
    origins = tuple(origin for origin in variables.get(ORIGINS_VARIABLE, "").split(",") if origin)
    return SignIn(OneTimeCode(code, time.monotonic()), origins, internal_key) if code and origins else None


def _names_loopback(request: Request) -> bool:
    try:
        return urlsplit(f"//{request.headers.get('host', '')}").hostname in _LOOPBACK_HOSTS
    except ValueError:
        return False
