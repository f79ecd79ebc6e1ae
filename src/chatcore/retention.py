"""Deletes conversations that nobody has touched for long."""

from datetime import timedelta
from math import inf

from chatcore.ports import BulkDeletions, Clock, Observer, WalkCursor

#: The time from the end of one walk over all conversations to the beginning of the next.
WALK_SECONDS = 3600.0
# Few enough for one statement to delete all of them within its time, if they have an ordinary number of messages.
_PAGE = 200


class Retention:
    """Walks over the conversations of all users and deletes the old ones, page after page.

    Pinned conversations stay, and so do those with a running reply. Several processes may walk at once: the storage
    decides for each conversation, by its own clock, and a conversation that is deleted already is passed over.
    """

    def __init__(self, age: timedelta, *, deletions: BulkDeletions, clock: Clock, observer: Observer) -> None:
        self._age = age
        self._deletions = deletions
        self._clock = clock
        self._observer = observer
        self._after: WalkCursor | None = None
        self._page = _PAGE
        self._rests_until = -inf

    async def walk_on(self) -> None:
        """Deletes the old conversations of the next page, unless a walk ended less than WALK_SECONDS ago.

        One page a call leaves the storage to others, however many conversations there are. A page that fails is tried
        again as a smaller one, since conversations may have any number of messages. The method never raises: other
        pending work must not wait because of this.
        """
        if self._clock.monotonic() < self._rests_until:
            return
        try:
            page = await self._deletions.delete_untouched(self._age, self._after, self._page)
        except Exception as error:  # noqa: BLE001 - the next call retries
            self._observer.failed("retention", error)
            self._page = max(self._page // 2, 1)
            return
        self._after, self._page = page.next, _PAGE
        if page.next is None:
            self._rests_until = self._clock.monotonic() + WALK_SECONDS
