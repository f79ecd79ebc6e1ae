"""Limits what scripts of other origins may do (CORS).

A setting lists the allowed origins. The middleware refuses a preflight request with a problem document.
"""

from collections.abc import Awaitable, Iterable, Sequence

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from chatcore_service.http import paths, problems
from chatcore_service.http.refusals import PreflightRefusedError

#: The header that names the origin of a script.
ORIGIN = b"origin"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
#: Response headers that a browser's script may read.
EXPOSED_HEADERS = (
    "Content-Location",
    "Location",
    "Preference-Applied",
    "Retry-After",
    "WWW-Authenticate",
    "x-trace-id",
)

Header = tuple[bytes, bytes]

_EXPOSED = ", ".join(EXPOSED_HEADERS)
_REFUSED = 400
_VARY = (b"vary", b"Origin")
_BODY_HEADERS = frozenset({"content-length", "content-type"})


def cors_middleware(origins: Sequence[str]) -> Middleware:
    """Returns the middleware that lets scripts of these origins use the API with a user's credentials."""
    return Middleware(
        ProblemCORSMiddleware,
        allow_origins=origins,
        allow_methods=METHODS,
        # Tracing libraries and frameworks add their own headers, and the API ignores unknown headers.
        allow_headers=("*",),
        expose_headers=EXPOSED_HEADERS,
        allow_credentials=True,
    )


def cors_headers(origins: Sequence[str], request_headers: Iterable[Header]) -> list[Header]:
    """Returns the headers that the middleware adds to a response, for responses that the server sends itself.

    Args:
        origins: the allowed origins.
        request_headers: the headers of the request as far as they were read, with names in lower case.
    """
    response = MutableHeaders()
    origin = next((value.strip(b" \t").decode("latin-1") for name, value in request_headers if name == ORIGIN), None)
    if origin is not None:
        response.update({"Access-Control-Allow-Credentials": "true", "Access-Control-Expose-Headers": _EXPOSED})
        if origin in origins:
            response["Access-Control-Allow-Origin"] = origin
    return [*response.raw, _VARY]


class ProblemCORSMiddleware(CORSMiddleware):
    """Replaces the plain-text refusals of Starlette's middleware by problem documents."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles a preflight request, or adds CORS headers to the response."""
        # What only the built-in page loads is of no use to other origins.
        if scope["type"] == "http" and scope["path"].startswith(paths.CONSOLE):
            await self.app(scope, receive, send)
            return
        # A request without an Origin header needs only Vary, and most requests have none.
        if scope["type"] != "http" or any(name == ORIGIN for name, _ in scope["headers"]):
            await super().__call__(scope, receive, send)
            return

        def send_varying(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), _VARY]
            return send(message)

        await self.app(scope, receive, send_varying)

    def preflight_response(self, request_headers: Headers) -> Response:
        """Returns the response to a preflight request; a problem document if the request is refused."""
        response = super().preflight_response(request_headers)
        if response.status_code != _REFUSED:
            return response
        return problems.refused(
            PreflightRefusedError(
                headers={name: value for name, value in response.headers.items() if name not in _BODY_HEADERS}
            )
        )
