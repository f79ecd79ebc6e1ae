"""The auth port."""

from typing import Protocol

from chatcore.user import User


class Auth(Protocol):
    """Says whose token it is. Fails closed: no user is ever let in on a guess."""

    async def authenticate(self, token: str, *, trace_id: str | None = None) -> User:
        """The user whom the auth service vouches for.

        An answer may be remembered for at most 300 seconds and never past the token's own expiry.

        Args:
            token: the bearer token, as the caller sent it; any text.
            trace_id: passed on to the auth service.

        Raises:
            NotAuthenticatedError: the auth service rejects the token, or it has expired.
            AuthUnavailableError: there is no usable answer: unreachable, slow, an error, our own key refused, or
                a reply that is not what was agreed.
        """
        ...

    async def ping(self) -> None:
        """Returns when the auth service can be reached.

        Raises:
            AuthUnavailableError: it can't, within a few seconds.
        """
        ...
