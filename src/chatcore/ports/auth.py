"""Defines the auth port."""

from typing import Protocol

from chatcore.user import User


class Auth(Protocol):
    """Finds the user of a token. The port fails closed: without a usable answer, access is refused."""

    async def authenticate(self, token: str, *, trace_id: str | None = None, is_fresh: bool = False) -> User:
        """Returns the user to whom the token belongs, according to the auth service.

        An answer may be cached for at most 300 seconds and never past the token's own expiry. A token that expired less
        than a minute ago is accepted as long as the auth service accepts it.

        Args:
            token: the bearer token, as the caller sent it; any text.
            trace_id: the id of the trace, which is passed on to the auth service.
            is_fresh: whether the auth service is asked even if an answer is cached. Calls that depend on a property of
                the user, such as `is_admin`, ask for a fresh answer.

        Raises:
            NotAuthenticatedError: the auth service rejects the token, or the token expired a minute ago or earlier.
            AuthUnavailableError: there is no usable answer: the auth service is unreachable, is too slow, reports an
                error, refuses our own key, or sends a reply that differs from the contract.
        """
        ...

    def cached_user(self, token: str) -> User | None:  # noqa: ARG002 - nothing is cached by default
        """Returns the user to whom the token belongs if :meth:`authenticate` would answer from a cache.

        By default the result is None, as of an adapter that caches nothing.
        """
        return None

    async def ping(self) -> None:
        """Returns when the auth service can be reached and accepts our own key.

        Raises:
            AuthKeyRefusedError: the auth service refuses our own key.
            AuthUnavailableError: the auth service gives no usable answer within a few seconds.
        """
        ...
