"""Imports into tables that PostgreSQL has never analysed, such as those of a new service."""

from __future__ import annotations

import psycopg
from attrs import evolve

from chatcore.conversations.log import Piece
from chatcore.conversations.message import Role
from chatcore.conversations.parts import PartKind
from chatcore.testing.samples import a_conversation
from chatcore.testing.storage.transfers import a_message
from chatcore.transfers.transferred import TransferredConversation
from chatcore_postgres import PostgresStorage

_REPLIES = 3000
_THOUGHT = (Piece(0, 0, PartKind.REASONING, "Hm."),)


def a_transfer(replies: int) -> TransferredConversation:
    conversation = a_conversation()
    messages = [
        a_message(conversation, position, role=Role.ASSISTANT, pieces=_THOUGHT) for position in range(1, replies + 1)
    ]
    return TransferredConversation(conversation=evolve(conversation, head_id=messages[0].id), messages=messages)


def rows_read(database_url: str) -> int:
    """Returns how many rows of messages were read through the indexes of the table."""
    with psycopg.connect(database_url) as connection:
        row = connection.execute(
            "select sum(idx_tup_read)::bigint from pg_stat_user_indexes where relname = 'messages'"
        ).fetchone()
    assert row is not None
    return int(row[0])


async def test_a_part_of_a_reply_is_checked_without_reading_all_messages(database_url: str) -> None:
    # A connection reports what it has read when it is closed.
    async with PostgresStorage(database_url, min_connections=1, max_connections=1) as storage:
        # Plans that are made now are made for small tables.
        for _ in range(10):
            await storage.add_conversation(a_transfer(1))
        await storage.add_conversation(a_transfer(_REPLIES))

    # While there are few messages, it may be as quick to read them all.
    assert rows_read(database_url) < _REPLIES**2 / 10
