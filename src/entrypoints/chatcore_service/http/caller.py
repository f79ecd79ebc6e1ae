"""Who is calling."""

from attrs import field, frozen
from starlette.requests import Request
from structlog.contextvars import bind_contextvars

from chatcore import User
from chatcore.ports import Auth
from chatcore_service.http.headers import bearer_token
from chatcore_service.http.trace import trace_id_of


@frozen(kw_only=True)
class Caller:
    """A user whom the auth service vouched for, and the request that was made in that user's name."""

    user: User
    #: Kept out of `repr`; long streams have it validated again.
    token: str = field(repr=False)
    trace_id: str


@frozen
class Authenticator:
    """Finds out who is calling; lets nobody in on a guess."""

    auth: Auth

    async def authenticate(self, request: Request) -> Caller:
        """The caller.

        Raises:
            NotAuthenticatedError: there is no valid bearer token.
            AuthUnavailableError: nobody can tell.
        """
        token = bearer_token(request)
        trace_id = trace_id_of(request.scope)
        user = await self.auth.authenticate(token, trace_id=trace_id)
        bind_contextvars(user_id=user.id)
        return Caller(user=user, token=token, trace_id=trace_id)
