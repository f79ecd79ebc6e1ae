"""Limits what scripts of other origins may do (CORS).

A setting lists the allowed origins. The middleware refuses a preflight request with a problem document.
"""

from collections.abc import Awaitable, Sequence

from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from chatcore_service.http import problems
from chatcore_service.http.refusals import PreflightRefusedError

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


class ProblemCORSMiddleware(CORSMiddleware):
    """Replaces the plain-text refusals of Starlette's middleware by problem documents."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles a preflight request, or adds CORS headers to the response."""
        # A request without an Origin header needs only Vary, and most requests have none.
        if scope["type"] != "http" or any(name == b"origin" for name, _ in scope["headers"]):
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
