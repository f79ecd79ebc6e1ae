"""What the auth contract makes an auth service do."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

from chatcore.ports.clock import Clock
from chatcore.user import User


class AuthFault(StrEnum):
    """A way for an auth service to give no usable answer."""

    #: No connection, or one that breaks before the answer.
    UNREACHABLE = "unreachable"
    #: No answer before the adapter's patience is at its end.
    SLOW = "slow"
    #: An error of its own, such as HTTP 500.
    ERROR = "error"
    #: It refuses our own key, such as with HTTP 403; not the caller's fault.
    KEY_REFUSED = "key_refused"
    #: It accepts the token, in a reply that is not what was agreed.
    NONSENSE = "nonsense"
    #: It accepts the token, and names a user whose id is empty.
    NAMELESS_USER = "nameless_user"


class AuthScript(Protocol):
    """An auth service whose answers a test decides: a fake's own switches, or a real server on loopback."""

    def accept(self, token: str, user: User) -> None:
        """From now on `token` is valid and belongs to `user`."""
        ...

    def reject(self, token: str) -> None:
        """From now on `token` is not valid, as is every token that was never accepted."""
        ...

    def fail(self, fault: AuthFault) -> None:
        """From now on every question meets this fault, whatever the token."""
        ...

    def recover(self) -> None:
        """From now on questions are answered again."""
        ...

    @property
    def trace_ids(self) -> Sequence[str | None]:
        """The trace id of each question that came in, oldest first."""
        ...


class SettableClock(Clock, Protocol):
    """A clock that a test moves."""

    def advance(self, seconds: float) -> None:
        """Moves the present instant and the monotonic time on."""
        ...
