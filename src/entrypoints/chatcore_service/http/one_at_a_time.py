"""Lets each user do one thing of a kind at a time, in this process."""

from collections.abc import Generator
from contextlib import contextmanager

from attrs import field, frozen
from starlette.types import ASGIApp, Receive, Scope, Send

from chatcore import UserId
from chatcore_service.http.refusals import TransferInProgressError


@frozen
class OneAtATime:
    """Knows which users have begun and not ended yet."""

    _users: set[UserId] = field(factory=set[UserId], init=False)

    def enter(self, user_id: UserId) -> None:
        """Lets a user begin; :meth:`leave` ends it.

        Raises:
            TransferInProgressError: the user has begun and not ended yet.
        """
        if user_id in self._users:
            raise TransferInProgressError
        self._users.add(user_id)

    def leave(self, user_id: UserId) -> None:
        """Lets the user begin again."""
        self._users.discard(user_id)

    @contextmanager
    def turn_of(self, user_id: UserId) -> Generator[None]:
        """Lets a user do it for the length of the block.

        Raises:
            TransferInProgressError: the user has begun and not ended yet.
        """
        self.enter(user_id)
        try:
            yield
        finally:
            self.leave(user_id)

    def left_after(self, response: ASGIApp, user_id: UserId) -> ASGIApp:
        """Wraps a response so that the user, who has entered, leaves at its end."""

        async def respond(scope: Scope, receive: Receive, send: Send) -> None:
            try:
                await response(scope, receive, send)
            finally:
                self.leave(user_id)

        return respond
