"""The ASGI application: resources, and the middleware around them."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from chatcore_service.http import problems
from chatcore_service.http.cors import ProblemCORSMiddleware
from chatcore_service.http.refusals import RouteNotFoundError
from chatcore_service.http.request_middleware import RequestMiddleware
from chatcore_service.http.resource import Resource
from chatcore_service.metrics import Metrics

#: What a browser's script may send, beside what any may.
REQUEST_HEADERS = (
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "Last-Event-ID",
    "Prefer",
    "x-request-id",
    "x-trace-id",
)
#: What it may read.
RESPONSE_HEADERS = (
    "Content-Location",
    "Location",
    "Preference-Applied",
    "Retry-After",
    "WWW-Authenticate",
    "x-trace-id",
)


class Endpoints(Protocol):
    """Resources that belong together."""

    def resources(self) -> Sequence[Resource]:
        """Their paths."""
        ...


Lifespan = Callable[[Starlette], AbstractAsyncContextManager[dict[str, object]]]


def build_application(
    *endpoints: Endpoints,
    metrics: Metrics,
    origins: Sequence[str],
    lifespan: Lifespan,
) -> Starlette:
    """Puts it together."""
    app = _Application(
        routes=[resource.route() for group in endpoints for resource in group.resources()],
        middleware=[
            Middleware(RequestMiddleware, metrics=metrics),
            Middleware(
                ProblemCORSMiddleware,
                allow_origins=origins,
                allow_methods=("GET", "POST", "PUT", "DELETE"),
                allow_headers=REQUEST_HEADERS,
                expose_headers=RESPONSE_HEADERS,
                allow_credentials=True,
            ),
        ],
        lifespan=lifespan,
    )
    # A path with a slash too many is another path, not a redirect that drops a body.
    app.router.redirect_slashes = False
    # The router itself refuses nothing else: methods are the resources' affair.
    app.router.default = _no_such_route
    return app


class _Application(Starlette):
    """Starlette without the two layers that make responses of exceptions: no resource lets any through."""

    def build_middleware_stack(self) -> ASGIApp:
        app: ASGIApp = self.router
        for middleware_class, args, kwargs in reversed(self.user_middleware):
            app = middleware_class(app, *args, **kwargs)
        return app


async def _no_such_route(scope: Scope, receive: Receive, send: Send) -> None:
    await problems.refused(RouteNotFoundError())(scope, receive, send)
