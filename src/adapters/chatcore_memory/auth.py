"""The auth port in memory."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime

from chatcore.errors import AuthUnavailableError, NotAuthenticatedError
from chatcore.ports import Auth, Clock
from chatcore.user import User


class StaticAuth(Auth):
    """Knows its users by their tokens.

    They are named when it is made, or later::

        auth = StaticAuth({"token-of-alice": User(id="alice")})
        auth.accept("token-of-root", User(id="root", is_admin=True))

    - ``auth.outage = True``: nobody is let in until it is false again.
    - ``auth.trace_ids``: the trace id of each question that was answered or refused, oldest first.

    Nothing is remembered: what :meth:`accept` and :meth:`reject` say holds at once.

    Args:
        users: who is behind which token, to begin with.
        clock: for the expiry of tokens; the machine's own by default.
    """

    def __init__(self, users: Mapping[str, User] | None = None, *, clock: Clock | None = None) -> None:
        self.outage = False
        self.trace_ids: list[str | None] = []
        self._users = dict(users or {})
        self._clock = clock

    def accept(self, token: str, user: User) -> None:
        """Makes `token` a valid one of `user`."""
        self._users[token] = user

    def reject(self, token: str) -> None:
        """Makes `token` invalid, if it is not already."""
        self._users.pop(token, None)

    async def authenticate(self, token: str, *, trace_id: str | None = None) -> User:
        """See :meth:`chatcore.ports.Auth.authenticate`."""
        await self.ping()
        self.trace_ids.append(trace_id)
        user = self._users.get(token)
        if user is None or (user.expires_at is not None and user.expires_at <= self._now()):
            raise NotAuthenticatedError
        return user

    async def ping(self) -> None:
        """See :meth:`chatcore.ports.Auth.ping`."""
        await asyncio.sleep(0)
        if self.outage:
            raise AuthUnavailableError

    def _now(self) -> datetime:
        return datetime.now(UTC) if self._clock is None else self._clock.now()
