"""Defines the caller of a request, and what finds the caller."""

from abc import ABC, abstractmethod

from attrs import field, frozen
from starlette.requests import Request

from chatcore import User
from chatcore_service.http.security_scheme import SecurityScheme


@frozen(kw_only=True)
class Caller:
    """An authenticated user, with the token and the trace id of the request."""

    user: User
    #: The bearer token, kept out of `repr`; empty if something else than a token proves who calls.
    token: str = field(default="", repr=False)
    trace_id: str


class Authenticator(ABC):
    """Finds the callers of requests, in one of the ways between which the setting AUTH_MODE chooses."""

    @property
    @abstractmethod
    def security_schemes(self) -> tuple[SecurityScheme, ...]:
        """Returns what a request needs, for the OpenAPI document; a request needs all of the schemes."""

    @abstractmethod
    def knows(self, request: Request) -> bool:
        """Returns whether :meth:`authenticate` would return at once, without a call to another service.

        Raises:
            NotAuthenticatedError: nothing in the request can prove who calls.
        """

    @abstractmethod
    async def authenticate(self, request: Request) -> Caller:
        """Returns the caller of a request, and adds the user's id to the request's log lines.

        Raises:
            NotAuthenticatedError: the request does not prove who calls.
            AuthUnavailableError: the proof could not be validated.
        """

    @abstractmethod
    async def validate_again(self, caller: Caller, *, is_fresh: bool = False) -> User:
        """Returns the user that the caller is now.

        Args:
            caller: the caller of a request, which may be long ago.
            is_fresh: whether a cached answer is passed over.

        Raises:
            NotAuthenticatedError: the caller's proof is not valid any more.
            AuthUnavailableError: the proof could not be validated.
        """

    @abstractmethod
    async def ping(self) -> None:
        """Returns when callers can be authenticated.

        Raises:
            AuthUnavailableError: the service that authenticates callers gives no usable answer.
        """

    async def is_administrator(self, caller: Caller) -> bool:
        """Returns whether the caller is an administrator now, whatever is cached.

        Raises:
            NotAuthenticatedError: the caller's proof is not valid any more.
            AuthUnavailableError: the proof could not be validated.
        """
        user = await self.validate_again(caller, is_fresh=True)
        return user.is_admin and user.id == caller.user.id
