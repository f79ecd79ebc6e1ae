"""Limits the memory in which a process holds request bodies that are not decoded, and responses that are not sent.

The server counts the bytes, because only the server knows when they arrive and when the transport has taken them.
"""

from collections import Counter
from typing import Final

from chatcore import UserId
from chatcore_service.http.refusals import BuffersFullError, RefusedError, TooManyBufferedBytesError
from chatcore_service.metrics import Metrics

#: Key of the :class:`HeldBytes` of a request's body in the scope.
HELD_BODY = "chatcore.held_body"

#: The first bytes of each request or response are not counted. So an ordinary message is accepted even while all
#: bytes for callers without a valid token are taken.
FREE_BYTES: Final = 16 * 1024

# The part of the budget that the requests of one user may take.
_PART_OF_A_USER = 1 / 4
# The part that all requests whose token is not validated yet may take together.
_PART_OF_THE_UNKNOWN = 1 / 2


class BufferBudget:
    """Counts the bytes that all connections of the process hold, by user.

    Args:
        max_bytes: the most bytes, without the first FREE_BYTES of each request and response.
        metrics: the metrics that show the bytes and count refusals.
    """

    def __init__(self, max_bytes: int, metrics: Metrics) -> None:
        self._max_bytes = max_bytes
        self._metrics = metrics
        self._held = Counter[UserId | None]()
        #: How many bytes are counted.
        self.total = 0

    def require_room(self, owner: UserId | None, byte_count: int = 1) -> None:
        """Checks that an owner may hold `byte_count` more bytes.

        Args:
            owner: the user; None before the token is validated.
            byte_count: how many bytes are to be added.

        Raises:
            BuffersFullError: the process, or all requests without a validated token, hold as much as they may.
            TooManyBufferedBytesError: the user's requests hold as much as those of one user may.
        """
        part = _PART_OF_THE_UNKNOWN if owner is None else _PART_OF_A_USER
        is_past_part = self._held[owner] + byte_count > self._max_bytes * part
        if self.total + byte_count > self._max_bytes or (is_past_part and owner is None):
            self._refuse(BuffersFullError())
        if is_past_part:
            self._refuse(TooManyBufferedBytesError())

    def add(self, owner: UserId | None, byte_count: int) -> None:
        """Counts bytes of an owner; a negative number releases bytes."""
        if not byte_count:
            return
        self.total += byte_count
        self._metrics.buffered_bytes.inc(byte_count)
        self._held[owner] += byte_count
        if not self._held[owner]:
            # The counter would otherwise keep every user that ever held bytes.
            del self._held[owner]

    def _refuse(self, error: RefusedError) -> None:
        self._metrics.refused_by_limits.labels(error.code).inc()
        raise error


class HeldBytes:
    """Counts the bytes that the body of one request holds, or the unsent responses of one connection.

    Args:
        budget: the budget of the process.
        owner: the user; None before the token is validated.
    """

    __slots__ = ("_budget", "_count", "_counted", "_refusal", "owner")

    def __init__(self, budget: BufferBudget, owner: UserId | None = None) -> None:
        self._budget = budget
        self._count = 0
        self._counted = 0
        # Only the type is kept: an exception would keep the stack frames that it passed, with the bytes of the body.
        self._refusal: type[RefusedError] | None = None
        #: The user; None before the token is validated.
        self.owner = owner

    def grow(self, byte_count: int) -> bool:
        """Counts bytes that have arrived; returns False if there is no room for them, or was none for earlier bytes."""
        more = _beyond_free(self._count + byte_count) - self._counted
        if self._refusal is None and more > 0:
            try:
                self._budget.require_room(self.owner, more)
            except RefusedError as error:
                self._refusal = type(error)
        if self._refusal is not None:
            return False
        self.hold(self._count + byte_count)
        return True

    def hold(self, byte_count: int) -> None:
        """Counts exactly this many bytes, which are held already, whether or not there is room for them."""
        counted = _beyond_free(byte_count)
        self._budget.add(self.owner, counted - self._counted)
        self._count, self._counted = byte_count, counted

    def assign(self, owner: UserId) -> None:
        """Counts the bytes as those of a user, whose token has been validated.

        Raises:
            BuffersFullError: the process has no room. The bytes are released, and no further byte is counted.
            TooManyBufferedBytesError: the user has no room. The bytes are released, and no further byte is counted.
        """
        counted, count = self._counted, self._count
        self.release()
        self.owner = owner
        try:
            self._budget.require_room(owner, max(counted, 1))
        except RefusedError as error:
            self._refusal = type(error)
            raise
        self.hold(count)

    def check(self) -> None:
        """Checks that no byte was refused.

        Raises:
            BuffersFullError: the process had no room for a byte.
            TooManyBufferedBytesError: the user had no room for a byte.
        """
        if self._refusal is not None:
            raise self._refusal()

    def release(self) -> None:
        """Releases all bytes. A second call has no effect."""
        self.hold(0)


def _beyond_free(byte_count: int) -> int:
    return max(byte_count - FREE_BYTES, 0)
