"""Defines the protocols by which the contract tests control an auth service and a clock."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

from chatcore.ports.clock import Clock
from chatcore.user import User


class AuthFault(StrEnum):
    """Names the faults with which an auth service gives no usable answer."""

    #: There is no connection, or it breaks before the answer.
    UNREACHABLE = "unreachable"
    #: There is no answer before the adapter's timeout.
    SLOW = "slow"
    #: The service reports an internal error, such as HTTP 500.
    ERROR = "error"
    #: The service refuses our own key, such as with HTTP 403; the caller is not at fault.
    KEY_REFUSED = "key_refused"
    #: The service accepts the token, in a reply that differs from the contract.
    NONSENSE = "nonsense"
    #: The service accepts the token for a user whose id is empty.
    NAMELESS_USER = "nameless_user"


class AuthScript(Protocol):
    """Controls an auth service, which is a fake or a real server on loopback."""

    def accept(self, token: str, user: User) -> None:
        """Makes `token` valid for `user` from now on."""
        ...

    def reject(self, token: str) -> None:
        """Makes `token` invalid from now on, like every token that was never accepted."""
        ...

    def fail(self, fault: AuthFault) -> None:
        """Makes every call fail with this fault from now on, for any token."""
        ...

    def recover(self) -> None:
        """Makes calls succeed again from now on."""
        ...

    @property
    def trace_ids(self) -> Sequence[str | None]:
        """Returns the trace ids of the calls that came in, oldest first."""
        ...


class SettableClock(Clock, Protocol):
    """Stands still unless a test moves it."""

    def advance(self, seconds: float) -> None:
        """Moves both the current time and the monotonic time forward."""
        ...
