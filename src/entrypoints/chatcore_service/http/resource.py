"""Defines resources, each of which is a path with the handlers of its methods.

The handlers of a :class:`SecuredResource` take the caller, so no request without a valid token reaches them. The
handlers of a :class:`PublicResource` need no token.
"""

import asyncio
import re
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from typing import TypeVar

import structlog
from attrs import frozen
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from chatcore import ChatError
from chatcore.errors import DrainingError
from chatcore_service.http import problems
from chatcore_service.http.admission import Admission
from chatcore_service.http.caller import Authenticator, Caller
from chatcore_service.http.refusals import MethodNotAllowedError, RefusedError

# A handler returns a response: an ASGI application that responds to this one request.
SecuredHandler = Callable[[Request, Caller], Awaitable[ASGIApp]]
PublicHandler = Callable[[Request], Awaitable[ASGIApp]]

_HandlerT = TypeVar("_HandlerT")

_log: structlog.stdlib.BoundLogger = structlog.get_logger("chatcore_service")


class Resource(ABC):
    """Serves a path as an ASGI application."""

    path: str

    def route(self) -> Route:
        """Returns the route to this resource."""
        return _ExactRoute(self.path, self)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Responds to a request; a failed request gets a problem document."""
        response = await self._answer(Request(scope, receive))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> ASGIApp:
        try:
            return await self._respond(request)
        except RefusedError as error:
            return problems.refused(error)
        except ChatError as error:
            return problems.chat_error(error)
        except asyncio.CancelledError:
            # Only the server cancels a request, at the end of the time for its shutdown.
            return problems.chat_error(DrainingError())
        except Exception:  # noqa: BLE001 - every request gets a response, and no request ends the process
            _log.exception("a request failed unexpectedly")
            return problems.unexpected()

    @abstractmethod
    async def _respond(self, request: Request) -> ASGIApp: ...


class _ExactRoute(Route):
    """Matches the whole path, with or without a slash at its end.

    Clients that append a slash mean the same resource, and a redirect would drop the body of their request.
    Starlette's own route also ignores a line feed at the end of a path.
    """

    def __init__(self, path: str, endpoint: ASGIApp) -> None:
        super().__init__(path, endpoint)
        self.path_regex = re.compile(self.path_regex.pattern.removesuffix("$").removesuffix("/") + r"/?\Z")


@frozen(eq=False)
class PublicResource(Resource):
    """Serves a path that needs no token."""

    path: str
    handlers: Mapping[str, PublicHandler]

    async def _respond(self, request: Request) -> ASGIApp:
        return await _handler(self.handlers, request.method)(request)


@frozen(eq=False)
class SecuredResource(Resource):
    """Serves a path that needs a valid token."""

    path: str
    #: Opens the context in which the caller of a request is authenticated, or raises a RefusedError.
    entrance: Callable[[Request], AbstractContextManager[None]]
    authenticator: Authenticator
    admission: Admission
    handlers: Mapping[str, SecuredHandler]

    async def _respond(self, request: Request) -> ASGIApp:
        handler = _handler(self.handlers, request.method)
        with self.entrance(request):
            caller = await self.authenticator.authenticate(request)
        place = self.admission.admit(caller.user.id, request.scope)
        try:
            response = await handler(request, caller)
        except BaseException:
            place.release()
            raise
        return place.released_after(response)


def _handler(handlers: Mapping[str, _HandlerT], method: str) -> _HandlerT:
    handler = handlers.get(method)
    if handler is None:
        raise MethodNotAllowedError(headers={"Allow": ", ".join(sorted(handlers))})
    return handler
