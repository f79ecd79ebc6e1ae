"""Defines the results of validating a token."""

from attrs import field, frozen

from chatcore.user import User


@frozen
class Vouched:
    """Says that the token is valid and belongs to this user."""

    user: User
    #: The user's e-mail address, which serves to find administrators; None if the validator names none.
    email: str | None = field(default=None, repr=False, kw_only=True)


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
    #: Whether the validator reports the token as malformed; the validator may still have answers to other tokens.
    is_about_the_token: bool = field(default=False, kw_only=True)


TokenCheck = Vouched | Rejected | Unusable
