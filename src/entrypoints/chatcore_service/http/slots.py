"""How many streams a user may have open on this process."""

from collections import Counter

from chatcore import UserId
from chatcore_service.http.refusals import TooManyStreamsError


class Slots:
    """Counts the open streams of each user."""

    def __init__(self, max_per_user: int) -> None:
        self._max_per_user = max_per_user
        self._taken: Counter[UserId] = Counter()

    def take(self, user_id: UserId) -> "Slot":
        """One more stream of this user.

        Raises:
            TooManyStreamsError: the user has as many as are allowed.
        """
        if self._taken[user_id] >= self._max_per_user:
            raise TooManyStreamsError
        self._taken[user_id] += 1
        return Slot(self, user_id)

    def give_back(self, user_id: UserId) -> None:
        """One stream less of this user."""
        self._taken[user_id] -= 1
        if not self._taken[user_id]:
            del self._taken[user_id]


class Slot:
    """The right to one stream."""

    __slots__ = ("_is_taken", "_slots", "_user_id")

    def __init__(self, slots: Slots, user_id: UserId) -> None:
        self._slots = slots
        self._user_id = user_id
        self._is_taken = True

    def release(self) -> None:
        """Gives it back; again does nothing."""
        if self._is_taken:
            self._is_taken = False
            self._slots.give_back(self._user_id)
