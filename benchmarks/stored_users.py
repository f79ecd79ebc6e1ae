"""Users with ever more conversations, in one table."""

from collections.abc import Sequence
from hashlib import md5
from pathlib import Path
from uuid import UUID

import psycopg
from attrs import frozen
from benchmarks.plain_requests import store_messages
from benchmarks.problem import BenchmarkError

from chatcore.conversations.listing import Cursor
from chatcore.conversations.message import ConversationId

#: What a conversation takes with its indexes, and in the log that is written ahead.
_BYTES_EACH = 1_500

# Neighbours in the list are far from each other in the table, as they are where many users write at once. The factor
# and the number have no divisor in common, so that each place is taken once.
_FILL = """
insert into conversations (user_id, id, title, title_source, model_tag, head_id, created_at, updated_at)
select %(user)s, md5('c' || n)::uuid, 'A title of some words', 'auto', 'default', null, now(),
    now() - (n::bigint * 7919 %% %(count)s + 1) * interval '1 second'
from generate_series(1, %(count)s) as n
"""
_PLACE = """
select updated_at, id from conversations where user_id = %(user)s order by updated_at desc, id desc
limit 1 offset %(offset)s
"""


@frozen
class StoredUser:
    """Somebody with so many conversations, of which the first has messages."""

    conversations: int

    @property
    def name(self) -> str:
        """The user's id, and token."""
        return f"user-with-{self.conversations}"

    @property
    def first(self) -> ConversationId:
        """The conversation with messages."""
        return ConversationId(UUID(md5(b"c1", usedforsecurity=False).hexdigest()))

    @property
    def middle(self) -> int:
        """How many conversations the middle of the list has before it."""
        return self.conversations // 2


def require_disk(folder: Path, conversations: int, free_bytes: int) -> None:
    """Returns when a folder with so much room has enough for so many.

    Raises:
        BenchmarkError: it has not.
    """
    needed = conversations * _BYTES_EACH
    if free_bytes < needed:
        raise BenchmarkError(
            f"{conversations:,} conversations need {needed / 1e9:.1f} GB in {folder}, and {free_bytes / 1e9:.1f} GB "
            "are free there: make room, or set TMPDIR to a folder that has it."
        )


def fill(database_url: str, users: Sequence[StoredUser]) -> None:
    """Stores them, and lets the database settle."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        for user in users:
            connection.execute(_FILL, {"user": user.name, "count": user.conversations})
            store_messages(connection, user.name)
        # What is done now is not done while others wait for it.
        connection.execute("vacuum analyze")
        connection.execute("checkpoint")


def place_in_the_middle(database_url: str, user: StoredUser) -> Cursor:
    """Where the second half of the list begins."""
    with psycopg.connect(database_url) as connection:
        row = connection.execute(_PLACE, {"user": user.name, "offset": user.middle}).fetchone()
        if row is None:
            raise LookupError(user.name)
        return Cursor(*row)
