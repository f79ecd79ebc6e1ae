"""Answers requests in HTTP/1.0, which has no chunked transfer coding."""

from starlette.types import Message, Receive, Scope, Send
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle


class CloseDelimited:
    """Wraps an application for one request, so that the close of the connection ends a body without Content-Length.

    Args:
        app: the application.
        cycle: uvicorn's state of the request, which decides how a body is written.
    """

    def __init__(self, app: ASGI3Application, cycle: RequestResponseCycle) -> None:
        self._app = app
        self._cycle = cycle
        self._has_length = False
        # HTTP/1.0 has no interim responses.
        cycle.waiting_for_100_continue = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles the request."""

        async def send_plain(message: Message) -> None:
            self._choose_coding(message)
            await send(message)

        await self._app(scope, receive, send_plain)  # type: ignore[arg-type] # Starlette's types are wider

    def _choose_coding(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._has_length = any(name.lower() == b"content-length" for name, _ in message.get("headers", ()))
            if not self._has_length:
                # uvicorn then adds no Transfer-Encoding.
                self._cycle.chunked_encoding = False
        elif not self._has_length:
            # uvicorn compares each part of the body with the length that is left.
            self._cycle.expected_content_length = len(message.get("body", b""))
