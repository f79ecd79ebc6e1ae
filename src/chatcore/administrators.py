"""Knows the administrators whom the configuration names."""

from collections.abc import Iterable

from chatcore.user import UserId


class Administrators:
    """Names administrators by their e-mail addresses and by their ids.

    Args:
        emails: the e-mail addresses of administrators; the case of ASCII letters does not matter.
        user_ids: the ids of administrators, exactly as they are.
    """

    def __init__(self, *, emails: Iterable[str] = (), user_ids: Iterable[str] = ()) -> None:
        self._emails = frozenset(map(_comparable, emails))
        self._user_ids = frozenset(user_ids)

    def include(self, user_id: UserId, email: str | None) -> bool:
        """Returns whether the user with this id, and with this verified e-mail address if it has one, is named."""
        return user_id in self._user_ids or (email is not None and _comparable(email) in self._emails)


def _comparable(email: str) -> bytes:
    # Lowering bytes changes ASCII letters only. Lowering text would also turn a Kelvin sign into a "k", so that one
    # address would pass for another.
    return email.strip().encode(errors="surrogatepass").lower()
