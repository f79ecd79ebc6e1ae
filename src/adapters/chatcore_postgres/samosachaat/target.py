"""Writes imported conversations to our tables, in transactions that the import commits."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from attrs import frozen
from psycopg import AsyncRawCursor
from psycopg.errors import UndefinedColumn, UndefinedTable

from chatcore.conversations.message import ConversationId, MessageId
from chatcore.user import UserId
from chatcore_postgres.driver import arrays
from chatcore_postgres.driver.arrays import Integers, Texts, Uuids
from chatcore_postgres.driver.conninfo import normalized
from chatcore_postgres.driver.database import Connection, Parameters, Row, fetch_on
from chatcore_postgres.driver.epoll_wait import WaitingConnection
from chatcore_postgres.health import PING
from chatcore_postgres.rows import change_number
from chatcore_postgres.samosachaat.failure import ImportFailedError, failing_as
from chatcore_postgres.samosachaat.mapping import ImportedConversation, ImportedMessage
from chatcore_postgres.search.queue import queue_messages, queue_titles

FIND_CONVERSATION = """
select head_id, next_position
from conversations
where user_id = %(user_id)s and id = %(conversation_id)s
"""

LOCK_CONVERSATION = """
select head_id, next_position
from conversations
where user_id = %(user_id)s and id = %(conversation_id)s
for update
"""

FIND_MESSAGES = """
select id, conversation_id
from messages
where user_id = %(user_id)s and id = any(%(ids)s)
"""

IMPORT_CONVERSATION = f"""
with created as (
    insert into conversations
        (user_id, id, title, title_source, model_tag, created_at, updated_at, is_pinned, changed_xid)
    values (
        %(user_id)s, %(conversation_id)s, %(title)s, %(title_source)s, %(model_tag)s, %(created_at)s, %(updated_at)s,
        %(is_pinned)s, {change_number()}
    )
    on conflict (user_id, id) do nothing
    returning id
)
{queue_titles("created")}
returning conversation_id
"""  # noqa: S608 - the expression is a literal

# A null parent is sent as the message's own id, because an array of ours has no nulls.
EXTEND_CONVERSATION = f"""
with added as (
    insert into messages (
        user_id, id, conversation_id, parent_id, position, role, content, status, token_count, model_tag,
        inference_time_ms, created_at
    )
    select
        %(user_id)s, id, %(conversation_id)s, nullif(parent_id, id), position, role, content, 'complete', token_count,
        model_tag, inference_time_ms, created_at
    from unnest(
        %(ids)s, %(parent_ids)s, %(positions)s, %(roles)s, %(contents)s, %(token_counts)s, %(model_tags)s,
        %(inference_times_ms)s, %(created_at)s::timestamptz[]
    ) as imported (id, parent_id, position, role, content, token_count, model_tag, inference_time_ms, created_at)
    returning id
),
to_index as (
    {queue_messages("added")}
)
update conversations
set head_id = %(head_id)s, next_position = %(next_position)s, updated_at = greatest(updated_at, %(updated_at)s),
    changed_xid = {change_number()}
where user_id = %(user_id)s and id = %(conversation_id)s
returning id
"""  # noqa: S608 - the expression is a literal

_TARGET = "The database"


@frozen
class Tip:
    """Holds the end of a stored conversation: its head, and the position of its next message."""

    head_id: MessageId | None
    next_position: int


@frozen
class PlacedMessage:
    """Holds a message with its place in the stored conversation."""

    message: ImportedMessage
    parent_id: MessageId | None
    position: int
    created_at: datetime


class Target:
    """Reads and writes our tables on one connection. Every method raises :class:`ImportFailedError`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def find(self, user_id: UserId, conversation_id: ConversationId) -> Tip | None:
        """Returns the tip of the conversation; None if there is no such conversation."""
        return _tip(await self._fetch(FIND_CONVERSATION, {"user_id": user_id, "conversation_id": conversation_id}))

    async def lock(self, user_id: UserId, conversation_id: ConversationId) -> Tip | None:
        """Locks the conversation until the commit, and returns its tip; None if there is no such conversation."""
        return _tip(await self._fetch(LOCK_CONVERSATION, {"user_id": user_id, "conversation_id": conversation_id}))

    async def find_messages(self, user_id: UserId, ids: Sequence[MessageId]) -> dict[UUID, UUID]:
        """Returns the ids that messages of the user have here, each with the id of the message's conversation."""
        return dict(await self._fetch(FIND_MESSAGES, {"user_id": user_id, "ids": Uuids(ids)}))

    async def create(self, conversation: ImportedConversation, created_at: datetime, updated_at: datetime) -> bool:
        """Stores an empty conversation; returns False if it is there already."""
        parameters = {
            "user_id": conversation.user_id,
            "conversation_id": conversation.id,
            "title": conversation.title,
            "title_source": conversation.title_source.value,
            "model_tag": conversation.model_tag,
            "created_at": created_at,
            "updated_at": updated_at,
            "is_pinned": conversation.is_pinned,
        }
        return bool(await self._fetch(IMPORT_CONVERSATION, parameters))

    async def extend(
        self, conversation: ImportedConversation, placed: Sequence[PlacedMessage], tip: Tip, updated_at: datetime
    ) -> None:
        """Stores messages of a locked conversation, and the conversation's new tip."""
        key = {"user_id": conversation.user_id, "conversation_id": conversation.id}
        messages = [one.message for one in placed]
        columns = {
            "ids": Uuids(message.id for message in messages),
            "parent_ids": Uuids(one.parent_id or one.message.id for one in placed),
            "positions": Integers(one.position for one in placed),
            "roles": Texts(message.role.value for message in messages),
            "contents": Texts(message.content for message in messages),
            "token_counts": Integers(message.token_count for message in messages),
            "model_tags": Texts(message.model_tag for message in messages),
            "inference_times_ms": Integers(message.inference_time_ms for message in messages),
            "created_at": [one.created_at for one in placed],
        }
        end = {"head_id": tip.head_id, "next_position": tip.next_position, "updated_at": updated_at}
        await self._fetch(EXTEND_CONVERSATION, {**key, **columns, **end})

    async def commit(self) -> None:
        """Makes what was written durable and visible, and releases all locks."""
        with failing_as(_TARGET):
            await self._connection.commit()

    async def _fetch(self, query: LiteralString, parameters: Parameters) -> list[Row]:
        with failing_as(_TARGET):
            return await fetch_on(self._connection, query, parameters)


class DryTarget(Target):
    """Answers as :class:`Target` does, and writes nothing."""

    async def lock(self, user_id: UserId, conversation_id: ConversationId) -> Tip | None:
        """Returns the tip of the conversation, and locks nothing."""
        return await self.find(user_id, conversation_id)

    async def create(self, conversation: ImportedConversation, created_at: datetime, updated_at: datetime) -> bool:
        """Returns whether the conversation would be new, and stores nothing."""
        del created_at, updated_at
        return await self.find(conversation.user_id, conversation.id) is None

    async def extend(
        self, conversation: ImportedConversation, placed: Sequence[PlacedMessage], tip: Tip, updated_at: datetime
    ) -> None:
        """Stores nothing."""


def _tip(rows: Sequence[Row]) -> Tip | None:
    return Tip(*rows[0]) if rows else None


@asynccontextmanager
async def open_target(conninfo: str, schema: str, *, is_dry: bool) -> AsyncGenerator[Target]:
    """Connects to the database with our tables, for the length of the block; what is not committed is rolled back.

    Raises:
        ImportFailedError: the database cannot be reached, or does not have all tables of this version.
    """
    with failing_as(_TARGET):
        connection = await WaitingConnection.connect(
            normalized(conninfo), prepare_threshold=None, cursor_factory=AsyncRawCursor
        )
    try:
        arrays.register(connection)
        connection.schema = schema
        await connection.set_read_only(is_dry)
        await _require_tables(connection)
        yield DryTarget(connection) if is_dry else Target(connection)
    finally:
        await connection.close()


async def _require_tables(connection: Connection) -> None:
    try:
        with failing_as(_TARGET):
            await fetch_on(connection, PING, {})
            await connection.commit()
    except ImportFailedError as error:
        if isinstance(error.__cause__, (UndefinedTable, UndefinedColumn)):
            raise ImportFailedError("The database lacks tables of this version; run chatcore migrate first.") from error
        raise
