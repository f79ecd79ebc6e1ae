"""Counts the rows of each table that an import added, found or skipped, with the reasons."""

from collections import Counter
from enum import StrEnum
from uuid import UUID

from attrs import define, field

_MAX_EXAMPLES = 5


class Skip(StrEnum):
    """Says why a row is not imported; the text follows the word "because"."""

    NO_ID = "the id is missing or is no UUID"
    NO_USER = "the user is missing"
    LONG_USER_ID = "the user's id has more than 255 characters"
    REPEATED_ID = "an earlier row has the same id"
    SEVERAL_USERS = "several users have a conversation with this id, so nobody can tell whose the messages are"
    NO_CONVERSATION = "the conversation does not exist"
    SKIPPED_CONVERSATION = "the conversation is skipped"
    UNKNOWN_ROLE = "the role is not user, assistant or system"
    NO_CONTENT = "the content is missing or empty"
    HUGE_CONTENT = "the content is larger than 16 MiB"
    ID_TAKEN = "another message of the user has this id here"
    DELETED = "the conversation was deleted here during the import"


class Note(StrEnum):
    """Says what the import changed or decided for a row that is imported."""

    TITLE_CUT = "titles were cut to MAX_TITLE_CHARACTERS"
    NO_TIME = "rows without a valid time got the time of the row before or of their conversation"
    LONG_CONTENT = "messages longer than MAX_MESSAGE_CHARACTERS were imported whole"
    BESIDE_PATH = "messages were added as a branch, because their conversation was continued here"


@define
class Skipped:
    """Counts the rows that are skipped for one reason, with the ids of the first few."""

    count: int = 0
    examples: list[UUID] = field(factory=list[UUID])


@define
class TableCounts:
    """Counts the rows of one table."""

    added: int = 0
    #: Rows that an earlier import added.
    present: int = 0
    skipped: dict[Skip, Skipped] = field(factory=dict[Skip, Skipped])

    @property
    def read(self) -> int:
        """Returns the number of rows in the source."""
        return self.added + self.present + sum(skipped.count for skipped in self.skipped.values())

    def skip(self, reason: Skip, row_id: UUID | None, *, count: int = 1) -> None:
        """Counts `count` rows with one id that are skipped."""
        skipped = self.skipped.setdefault(reason, Skipped())
        skipped.count += count
        if row_id is not None and len(skipped.examples) < _MAX_EXAMPLES and row_id not in skipped.examples:
            skipped.examples.append(row_id)


@define
class ImportReport:
    """Counts all rows of the source by their outcome."""

    conversations: TableCounts = field(factory=TableCounts)
    messages: TableCounts = field(factory=TableCounts)
    notes: Counter[Note] = field(factory=Counter[Note])
