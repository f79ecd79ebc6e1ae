"""Resources: a path and what its methods do.

A handler of a :class:`Resource` is given the caller, so none can be reached without a valid token; a
:class:`PublicResource` has handlers that need none.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

import structlog
from attrs import frozen
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from chatcore import ChatError
from chatcore_service.http import problems
from chatcore_service.http.caller import Authenticator, Caller
from chatcore_service.http.refusals import MethodNotAllowedError, RefusedError

Handler = Callable[[Request, Caller], Awaitable[Response]]
PublicHandler = Callable[[Request], Awaitable[Response]]

_log: structlog.stdlib.BoundLogger = structlog.get_logger("chatcore_service")


@frozen(eq=False)
class PublicResource:
    """A path that anybody may use, as an ASGI application."""

    path: str
    handlers: Mapping[str, PublicHandler]

    def route(self) -> Route:
        """The route that leads here."""
        return Route(self.path, self, name=self.path)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request, whatever becomes of it."""
        request = Request(scope, receive)
        response = await _answer(self._respond(request))
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        return await _handler(self.handlers, request.method)(request)


@frozen(eq=False)
class Resource:
    """A path that only authenticated callers may use, as an ASGI application."""

    path: str
    authenticator: Authenticator
    handlers: Mapping[str, Handler]

    def route(self) -> Route:
        """The route that leads here."""
        return Route(self.path, self, name=self.path)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request, whatever becomes of it."""
        request = Request(scope, receive)
        response = await _answer(self._respond(request))
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        handler = _handler(self.handlers, request.method)
        return await handler(request, await self.authenticator.authenticate(request))


async def _answer(response: Awaitable[Response]) -> Response:
    try:
        return await response
    except RefusedError as error:
        return problems.refused(error)
    except ChatError as error:
        return problems.chat_error(error)
    except Exception:  # noqa: BLE001 - no request may end the process, or go unanswered
        _log.exception("a request failed unexpectedly")
        return problems.unexpected()


HandlerT = TypeVar("HandlerT")


def _handler(handlers: Mapping[str, HandlerT], method: str) -> HandlerT:
    handler = handlers.get(method)
    if handler is None:
        raise MethodNotAllowedError(headers={"Allow": ", ".join(sorted(handlers))})
    return handler
