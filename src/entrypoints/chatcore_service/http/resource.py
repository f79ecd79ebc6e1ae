"""Resources: a path and what its methods do.

A handler of a :class:`SecuredResource` is given the caller, so none can be reached without a valid token; a
:class:`PublicResource` has handlers that need none.
"""

import asyncio
import re
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

import structlog
from attrs import frozen
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from chatcore import ChatError
from chatcore.errors import DrainingError
from chatcore_service.http import problems
from chatcore_service.http.caller import Authenticator, Caller
from chatcore_service.http.refusals import MethodNotAllowedError, RefusedError

# What a handler returns is a response: an ASGI application that answers this one request.
SecuredHandler = Callable[[Request, Caller], Awaitable[ASGIApp]]
PublicHandler = Callable[[Request], Awaitable[ASGIApp]]

HandlerT = TypeVar("HandlerT")

_log: structlog.stdlib.BoundLogger = structlog.get_logger("chatcore_service")


class Resource(ABC):
    """A path, as an ASGI application."""

    path: str

    def route(self) -> Route:
        """The route that leads here."""
        return _ExactRoute(self.path, self, name=self.path)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request, whatever becomes of it."""
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
            # Nobody but the server cancels a request, and only when it can wait for it no longer at its end.
            return problems.chat_error(DrainingError())
        except Exception:  # noqa: BLE001 - no request may end the process, or go unanswered
            _log.exception("a request failed unexpectedly")
            return problems.unexpected()

    @abstractmethod
    async def _respond(self, request: Request) -> ASGIApp: ...


class _ExactRoute(Route):
    """Starlette's own takes a path that goes on with a line feed for the one before it."""

    def __init__(self, path: str, endpoint: ASGIApp, *, name: str) -> None:
        super().__init__(path, endpoint, name=name)
        self.path_regex = re.compile(self.path_regex.pattern.removesuffix("$") + r"\Z")


@frozen(eq=False)
class PublicResource(Resource):
    """A path that anybody may use."""

    path: str
    handlers: Mapping[str, PublicHandler]

    async def _respond(self, request: Request) -> ASGIApp:
        return await _handler(self.handlers, request.method)(request)


@frozen(eq=False)
class SecuredResource(Resource):
    """A path that only authenticated callers may use."""

    path: str
    authenticator: Authenticator
    handlers: Mapping[str, SecuredHandler]

    async def _respond(self, request: Request) -> ASGIApp:
        handler = _handler(self.handlers, request.method)
        return await handler(request, await self.authenticator.authenticate(request))


def _handler(handlers: Mapping[str, HandlerT], method: str) -> HandlerT:
    handler = handlers.get(method)
    if handler is None:
        raise MethodNotAllowedError(headers={"Allow": ", ".join(sorted(handlers))})
    return handler
