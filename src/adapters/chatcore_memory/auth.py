"""Implements the auth port in memory."""

import asyncio
from collections.abc import Mapping

from chatcore.errors import AuthKeyRefusedError, AuthUnavailableError, NotAuthenticatedError
from chatcore.ports import Auth, Clock
from chatcore.system_clock import SystemClock
from chatcore.user import User


class StaticAuth(Auth):
    """Looks up users by their tokens.

    Tokens can be given to the constructor or added later::

        auth = StaticAuth({"token-of-alice": User(id="alice")})
        auth.accept("token-of-root", User(id="root", is_admin=True))

    - ``auth.outage = True`` simulates an outage: every call fails until the attribute is false again.
    - ``auth.is_key_refused = True`` does the same for a service that refuses our own key.
    - ``auth.trace_ids`` lists the trace ids of the calls that were answered, rejections included, oldest first.

    Nothing is cached: :meth:`accept` and :meth:`reject` take effect at once.

    Args:
        users: the users by their tokens.
        clock: the clock that decides whether a token has expired; the system clock by default.
    """

    def __init__(self, users: Mapping[str, User] | None = None, *, clock: Clock | None = None) -> None:
        self.outage = False
        self.is_key_refused = False
        self.trace_ids: list[str | None] = []
        self._users = dict(users or {})
        self._clock = clock or SystemClock()

    def accept(self, token: str, user: User) -> None:
        """Makes `token` valid for `user`."""
        self._users[token] = user

    def reject(self, token: str) -> None:
        """Makes `token` invalid; does nothing if the token is invalid already."""
        self._users.pop(token, None)

    async def authenticate(self, token: str, *, trace_id: str | None = None, is_fresh: bool = False) -> User:  # noqa: ARG002 - nothing is cached
        """Returns the user of `token`, as :meth:`chatcore.ports.Auth.authenticate` says."""
        await self.ping()
        self.trace_ids.append(trace_id)
        user = self._users.get(token)
        if user is None or user.has_expired(self._clock.now()):
            raise NotAuthenticatedError
        return user

    async def ping(self) -> None:
        """Returns unless there is an outage, as :meth:`chatcore.ports.Auth.ping` says."""
        await asyncio.sleep(0)
        if self.is_key_refused:
            raise AuthKeyRefusedError
        if self.outage:
            raise AuthUnavailableError
