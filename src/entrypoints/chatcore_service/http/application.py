"""Builds the ASGI application from its resources and middleware."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from chatcore_service.http import problems
from chatcore_service.http.cors import cors_middleware
from chatcore_service.http.refusals import RouteNotFoundError
from chatcore_service.http.request_middleware import RequestMiddleware
from chatcore_service.http.resource import Resource
from chatcore_service.metrics import Metrics


class Endpoints(Protocol):
    """A group of related resources."""

    def resources(self) -> Sequence[Resource]:
        """Returns the resources of the group."""
        ...


Lifespan = Callable[[Starlette], AbstractAsyncContextManager[dict[str, object]]]


def build_application(
    endpoints: Sequence[Endpoints],
    *,
    metrics: Metrics,
    origins: Sequence[str],
    lifespan: Lifespan,
) -> Starlette:
    """Returns the application with all resources and middleware."""
    app = _Application(
        routes=[resource.route() for group in endpoints for resource in group.resources()],
        middleware=[
            Middleware(RequestMiddleware, metrics=metrics),
            cors_middleware(origins),
        ],
        lifespan=lifespan,
    )
    # A path with a slash at its end also leads to the resource, because a redirect would drop the body.
    app.router.redirect_slashes = False
    # The router refuses only unknown paths; each resource refuses unknown methods itself.
    app.router.default = _no_such_route
    return app


class _Application(Starlette):
    """Omits Starlette's two layers of exception handling, because no resource raises an exception."""

    def build_middleware_stack(self) -> ASGIApp:
        app: ASGIApp = self.router
        for middleware_class, args, kwargs in reversed(self.user_middleware):
            app = middleware_class(app, *args, **kwargs)
        return app


async def _no_such_route(scope: Scope, receive: Receive, send: Send) -> None:
    await problems.refused(RouteNotFoundError())(scope, receive, send)
