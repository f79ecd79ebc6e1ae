"""Defines the user, whom the auth service identifies."""

from datetime import datetime, timedelta

from attrs import field, frozen

from chatcore.text import MAX_USER_ID_CHARS, require_text

#: The auth service's id of a user. The core compares and stores ids, and never interprets them.
UserId = str

#: How far the auth service's clock may be behind ours: for that long after the expiry, the auth service decides.
EXPIRY_TOLERANCE = timedelta(seconds=60)


def _checked_id(user_id: str) -> str:
    return require_text("user_id", user_id, max_chars=MAX_USER_ID_CHARS)


@frozen(kw_only=True)
class User:
    """The user of a request, as the auth service confirmed it.

    Raises:
        InvalidInputError: the id is empty, too long or cannot be stored.
    """

    id: UserId = field(converter=_checked_id)
    #: Whether the user may swap models.
    is_admin: bool = False
    #: When the user's token expires; None if the auth service named no time.
    expires_at: datetime | None = None

    def has_expired(self, now: datetime) -> bool:
        """Returns whether the token expired more than :data:`EXPIRY_TOLERANCE` before `now`."""
        return self.expires_at is not None and self.expires_at <= now - EXPIRY_TOLERANCE
