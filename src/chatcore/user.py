"""The user: known to the auth service, opaque to us."""

from datetime import datetime

from attrs import field, frozen

from chatcore.text import MAX_USER_ID_CHARS, require_text

#: The auth service's own name for a user. Opaque: compared, stored, never interpreted.
UserId = str


def _checked_id(user_id: str) -> str:
    return require_text("user_id", user_id, max_chars=MAX_USER_ID_CHARS)


@frozen(kw_only=True)
class User:
    """Who is asking, as the auth service vouched for.

    Raises:
        InvalidInputError: the id is empty, too long or cannot be stored.
    """

    id: UserId = field(converter=_checked_id)
    #: May swap models.
    is_admin: bool = False
    #: When the token that proved this stops being valid; None when the auth service did not say.
    expires_at: datetime | None = None
