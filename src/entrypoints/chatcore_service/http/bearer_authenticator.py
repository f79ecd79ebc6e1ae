"""Authenticates requests by their bearer tokens."""

from attrs import frozen
from starlette.requests import Request
from structlog.contextvars import bind_contextvars

from chatcore import User
from chatcore.ports import Auth
from chatcore_service.http.caller import Authenticator, Caller
from chatcore_service.http.headers import bearer_token
from chatcore_service.http.security_scheme import BEARER_TOKEN, SecurityScheme
from chatcore_service.http.trace import trace_id_of


@frozen
class BearerAuthenticator(Authenticator):
    """Authenticates requests by their bearer tokens, which the auth port validates."""

    auth: Auth

    @property
    def security_schemes(self) -> tuple[SecurityScheme, ...]:
        """Returns the scheme of bearer tokens."""
        return (BEARER_TOKEN,)

    def knows(self, request: Request) -> bool:
        """Returns whether the token's user is cached."""
        return self.auth.cached_user(bearer_token(request)) is not None

    async def authenticate(self, request: Request) -> Caller:
        """Returns the user of the request's token."""
        token = bearer_token(request)
        trace_id = trace_id_of(request.scope)
        user = await self.auth.authenticate(token, trace_id=trace_id)
        bind_contextvars(user_id=user.id)
        return Caller(user=user, token=token, trace_id=trace_id)

    async def validate_again(self, caller: Caller, *, is_fresh: bool = False) -> User:
        """Returns the user of the caller's token."""
        return await self.auth.authenticate(caller.token, trace_id=caller.trace_id, is_fresh=is_fresh)

    async def ping(self) -> None:
        """Returns when tokens can be validated."""
        await self.auth.ping()
