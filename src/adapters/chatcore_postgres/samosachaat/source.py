"""Reads the source as one stream of rows: each conversation, followed by its messages in order."""

from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from datetime import datetime
from typing import Any, NamedTuple, cast
from uuid import UUID

from attrs import frozen
from psycopg import AsyncConnection, AsyncRawCursor, IsolationLevel, sql

from chatcore.conversations.message import ConversationId, MessageId
from chatcore.input_limits import InputLimits
from chatcore.text import MAX_USER_ID_CHARS
from chatcore_postgres.driver.conninfo import normalized
from chatcore_postgres.driver.database import Row
from chatcore_postgres.samosachaat.columns import SourceTable, find_table
from chatcore_postgres.samosachaat.failure import ImportFailedError, failing_as

#: The largest content that is imported. The limit bounds the memory of the import and of readers.
MAX_CONTENT_BYTES = 16 * 1024 * 1024
_MAX_ROLE_CHARS = 20
# The ids are kept in memory, at some 100 bytes each.
_MAX_REPEATED_IDS = 100_000

_SOURCE = "The source database"

# These settings last as long as the transaction, so they work through PgBouncer. Times without a zone are in UTC.
_PREPARE = b"""
select set_config('TimeZone', 'UTC', true), set_config('statement_timeout', '0', true),
    current_setting('server_encoding')
"""


class SourceRow(NamedTuple):
    """Holds a row of either table; the columns of the other table are null."""

    is_message: bool
    conversation_id: UUID | None
    id: UUID | None
    user_id: str | None
    title: str | None
    is_pinned: bool
    role: str | None
    content: str | None
    content_bytes: int | None
    model_tag: str | None
    token_count: int | None
    inference_time_ms: int | None
    created_at: datetime | None
    updated_at: datetime | None


@frozen
class SamosachaatSource:
    """Reads conversations and messages of a samosachaat service in one snapshot.

    Every method raises :class:`ImportFailedError`.
    """

    #: What the service accepts; longer titles and model tags are read up to these limits.
    limits: InputLimits
    _conversations: SourceTable
    _messages: SourceTable
    _snapshot: AsyncConnection[Any]
    #: A second connection, for lookups while the connection of the snapshot is busy with the stream of rows.
    _lookups: AsyncConnection[Any]

    async def count(self) -> int:
        """Returns the number of rows that :meth:`rows` yields."""
        query = sql.SQL("select (select count(*) from {}) + (select count(*) from {})")
        with failing_as(_SOURCE):
            return int((await self._fetch(query.format(self._conversations.name, self._messages.name)))[0][0])

    async def repeated_message_ids(self) -> set[UUID]:
        """Returns the ids that several messages have, which is only possible in a table without a key."""
        if self._messages.has_unique_ids:
            return set()
        query = sql.SQL("select {id} from {table} group by 1 having count(*) > 1 limit {limit}").format(
            id=self._messages.uuid("id"), table=self._messages.name, limit=_MAX_REPEATED_IDS + 1
        )
        with failing_as(_SOURCE):
            found = {id_ for (id_,) in await self._fetch(query)}
        if len(found) > _MAX_REPEATED_IDS:
            raise ImportFailedError(f"More than {_MAX_REPEATED_IDS} ids of messages in the source are not unique.")
        return found

    async def rows(self) -> AsyncGenerator[SourceRow]:
        """Yields all rows by conversation: the conversation first, then its messages by time and id.

        Messages without a time come last in their conversation, as PostgreSQL sorts them. The server sends one row at a
        time, so the memory of this process does not depend on the size of the database.
        """
        query = sql.SQL("{} union all {} order by 2, 1, created_at, 3").format(
            self._all_conversations(), self._all_messages()
        )
        with failing_as(_SOURCE):
            stream = self._snapshot.cursor().stream(query.as_bytes(self._snapshot), binary=True)
            # psycopg declares the generator as an iterator.
            async with aclosing(cast("AsyncGenerator[Row]", stream)) as rows:
                async for row in rows:
                    yield SourceRow._make(row)

    async def has_message(self, conversation_id: ConversationId, message_id: MessageId) -> bool:
        """Returns whether the conversation has the message in the source."""
        query = sql.SQL("select from {} where {} = $1 and {} = $2 limit 1").format(
            self._messages.name, self._messages.uuid("conversation_id"), self._messages.uuid("id")
        )
        with failing_as(_SOURCE):
            cursor = await self._lookups.execute(query.as_bytes(self._lookups), [conversation_id, message_id])
            return await cursor.fetchone() is not None

    async def _fetch(self, query: sql.Composable) -> list[Row]:
        cursor = await self._snapshot.execute(query.as_bytes(self._snapshot), binary=True)
        return await cursor.fetchall()

    def _all_conversations(self) -> sql.Composable:
        table = self._conversations
        # One character more than the limit shows that a value is too long.
        return sql.SQL(
            "select false, {id} as conversation_id, {id}, {user_id}, {title}, {is_pinned}, null::text, null::text, "
            "null::integer, {model_tag}, null::integer, null::integer, {created_at} as created_at, {updated_at} "
            "from {table}"
        ).format(
            id=table.uuid("id"),
            user_id=table.text("user_id", MAX_USER_ID_CHARS + 1),
            title=table.text("title", self.limits.max_title_chars + 1),
            is_pinned=table.flag("is_favorited"),
            model_tag=table.text("model_tag", self.limits.max_model_tag_chars),
            created_at=table.instant("created_at"),
            updated_at=table.instant("updated_at"),
            table=table.name,
        )

    def _all_messages(self) -> sql.Composable:
        table = self._messages
        return sql.SQL(
            "select true, {conversation_id}, {id}, null::text, null::text, false, {role}, {content}, {content_bytes}, "
            "{model_tag}, {token_count}, {inference_time_ms}, {created_at}, null::timestamptz from {table}"
        ).format(
            conversation_id=table.uuid("conversation_id"),
            id=table.uuid("id"),
            role=table.text("role", _MAX_ROLE_CHARS),
            content=table.content("content", MAX_CONTENT_BYTES),
            content_bytes=table.size("content"),
            model_tag=table.text("model_tag", self.limits.max_model_tag_chars),
            token_count=table.count("token_count"),
            inference_time_ms=table.count("inference_time_ms"),
            created_at=table.instant("created_at"),
            table=table.name,
        )


@asynccontextmanager
async def open_source(conninfo: str, schema: str, limits: InputLimits) -> AsyncGenerator[SamosachaatSource]:
    """Connects to the database of a samosachaat service for the length of the block.

    Args:
        conninfo: the connection string.
        schema: the schema of the tables.
        limits: the limits of titles and model tags.

    Raises:
        ImportFailedError: the database cannot be reached, has no such tables, or does not let this user read them.
        ValueError: `conninfo` is no connection string.
    """
    async with (
        _connected(conninfo, autocommit=False, isolation_level=IsolationLevel.REPEATABLE_READ) as snapshot,
        _connected(conninfo, autocommit=True) as lookups,
    ):
        with failing_as(_SOURCE):
            cursor = await snapshot.execute(_PREPARE)
            row = await cursor.fetchone()
            if row is not None and row[2] == "SQL_ASCII":
                raise ImportFailedError("The source database has the encoding SQL_ASCII, so its text cannot be read.")
            conversations = await find_table(snapshot, schema, "conversations")
            messages = await find_table(snapshot, schema, "messages")
        yield SamosachaatSource(limits, conversations, messages, snapshot, lookups)


@asynccontextmanager
async def _connected(
    conninfo: str, *, autocommit: bool, isolation_level: IsolationLevel | None = None
) -> AsyncGenerator[AsyncConnection[Any]]:
    with failing_as(_SOURCE):
        connection = await AsyncConnection[Any].connect(
            normalized(conninfo),
            autocommit=autocommit,
            prepare_threshold=None,
            cursor_factory=AsyncRawCursor,
        )
    try:
        await connection.set_isolation_level(isolation_level)
        await connection.set_read_only(True)
        yield connection
    finally:
        await connection.close()
