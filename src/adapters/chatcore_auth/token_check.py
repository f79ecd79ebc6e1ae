"""Defines the results of validating a token."""

from datetime import datetime

from attrs import field, frozen

from chatcore.user import User


@frozen
class Vouched:
    """Says that the token is valid and belongs to this user."""

    user: User

    def has_expired(self, now: datetime) -> bool:
        """Returns whether the token has expired at `now`; there is no tolerance for clock skew."""
        expires_at = self.user.expires_at
        return expires_at is not None and expires_at <= now


@frozen
class Rejected:
    """Says that the token is not valid, or has expired."""


@frozen
class Unusable:
    """Says that the validator gave no usable answer, so that access is refused."""

    #: A few words for the log, which never contain any part of the token or of a reply.
    reason: str
    cause: Exception | None = field(default=None, eq=False)
    #: Whether the validator is down for every token. An unusable answer to one token does not count: callers choose
    #: their tokens, and one caller must not lock out all others.
    is_outage: bool = field(default=False, kw_only=True)
    #: Whether our own configuration is to blame, so that an operator has to act; such a check is logged as an error.
    is_our_fault: bool = field(default=False, kw_only=True)


TokenCheck = Vouched | Rejected | Unusable
