"""Authenticates the callers of requests."""

from attrs import field, frozen
from starlette.requests import Request
from structlog.contextvars import bind_contextvars

from chatcore import User
from chatcore.ports import Auth
from chatcore_service.http.headers import bearer_token
from chatcore_service.http.trace import trace_id_of


@frozen(kw_only=True)
class Caller:
    """An authenticated user, with the token and the trace id of the request."""

    user: User
    #: The bearer token, kept out of `repr`. Long streams validate the token again.
    token: str = field(repr=False)
    trace_id: str


@frozen
class Authenticator:
    """Authenticates requests by their bearer tokens."""

    auth: Auth

    def knows(self, request: Request) -> bool:
        """Returns whether :meth:`authenticate` would return at once, without a call to the auth service.

        Raises:
            NotAuthenticatedError: the request has no bearer token.
        """
        return self.auth.cached_user(bearer_token(request)) is not None

    async def authenticate(self, request: Request) -> Caller:
        """Returns the caller of a request, and adds the user's id to the request's log lines.

        Raises:
            NotAuthenticatedError: the request has no valid bearer token.
            AuthUnavailableError: the token could not be validated.
        """
        token = bearer_token(request)
        trace_id = trace_id_of(request.scope)
        user = await self.auth.authenticate(token, trace_id=trace_id)
        bind_contextvars(user_id=user.id)
        return Caller(user=user, token=token, trace_id=trace_id)

    async def is_administrator(self, caller: Caller) -> bool:
        """Returns whether the caller is an administrator now: asks the auth service, whatever is cached.

        Raises:
            NotAuthenticatedError: the token is not valid any more.
            AuthUnavailableError: the token could not be validated.
        """
        user = await self.auth.authenticate(caller.token, trace_id=caller.trace_id, is_fresh=True)
        return user.is_admin and user.id == caller.user.id
