"""CORS middleware whose refusals are problem documents."""

from collections.abc import Awaitable

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from chatcore_service.http import problems
from chatcore_service.http.refusals import PreflightRefusedError

_REFUSED = 400
_VARY = (b"vary", b"Origin")
_BODY_HEADERS = frozenset({"content-length", "content-type"})


class ProblemCORSMiddleware(CORSMiddleware):
    """Extends Starlette's middleware, whose refusals are plain text."""

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
        """Returns the response to a preflight request; a problem document if it is refused."""
        response = super().preflight_response(request_headers)
        if response.status_code != _REFUSED:
            return response
        return problems.refused(
            PreflightRefusedError(
                headers={name: value for name, value in response.headers.items() if name not in _BODY_HEADERS}
            )
        )
