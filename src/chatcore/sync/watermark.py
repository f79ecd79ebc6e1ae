"""Defines watermarks, which are places in the sequence of all changes, and their encoded form, the ids of events."""

import re
from datetime import UTC, datetime
from typing import Final

from attrs import field, frozen

from chatcore.errors import FieldProblem, InvalidInputError
from chatcore.timestamps import require_aware

#: The pattern of the id of an event; every text that matches is a valid id.
FEED_ID_PATTERN: Final = "^[0-9a-f]{1,15}-[0-9a-f]{1,9}-[0-9a-f]{8}$"

_ID = re.compile(FEED_ID_PATTERN)


@frozen(kw_only=True)
class Watermark:
    """Marks a place in the sequence of all changes of a storage, those of every user.

    Transactions get their numbers when they begin to write and may commit in any order, so a later number may be
    visible before an earlier one. No change that is still to come has a number below that of a watermark.
    """

    #: The storage to which the place belongs, as eight hexadecimal digits; a restored storage has another origin.
    origin: str
    #: No change that becomes visible after this watermark was read has a lower number.
    number: int
    #: When the storage was at this place, by its own clock.
    at: datetime = field(validator=require_aware)
    #: What the storage had shown beyond the number, in a form of its own. It avoids repeats within a process, and is no
    #: part of an id.
    beyond: str = field(default="", eq=False)

    def encode(self) -> str:
        """Returns an opaque, URL-safe form that callers send back."""
        return f"{self.number:x}-{int(self.at.timestamp()):x}-{self.origin}"

    @classmethod
    def decode(cls, encoded: str) -> "Watermark":
        """Decodes the result of :meth:`encode`.

        Raises:
            InvalidInputError: `encoded` is not a result of :meth:`encode`.
        """
        if not _ID.fullmatch(encoded):
            raise InvalidInputError(FieldProblem("after", "is not an id that this service gave out"))
        number, seconds, origin = encoded.split("-")
        return cls(origin=origin, number=int(number, 16), at=datetime.fromtimestamp(int(seconds, 16), UTC))
