"""The storage port on PostgreSQL, and the stream counts port over the same connections."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Self
from uuid import UUID

from chatcore.conversations.changes import ConversationChanges
from chatcore.conversations.conversation import Conversation, OpenConversation
from chatcore.conversations.listing import Cursor, Page, PageRequest
from chatcore.conversations.message import ConversationId, Message, MessageId
from chatcore.errors import ConversationNotFoundError, MessageNotFoundError
from chatcore.ports import AcceptedTurn, DeltaRead, DeltaReader, NewRegeneration, NewTurn, Storage
from chatcore.ports.stream_counts import ProcessId, StreamCounts
from chatcore.replies.lease import FinalState, Lease, LeaseStatus, OrphanedReply, OwnerId, Progress
from chatcore.slices import taken_in_slices
from chatcore.user import UserId
from chatcore_postgres import deletion, generations, stream_counts, turns
from chatcore_postgres.driver.conninfo import normalized
from chatcore_postgres.driver.database import Database, Row
from chatcore_postgres.driver.warm_up import WarmDatabase
from chatcore_postgres.rows import to_conversations, to_messages, to_opened
from chatcore_postgres.statements import conversations, upkeep


class PostgresStorage(Storage, StreamCounts):
    """Keeps everything in PostgreSQL, 15 or later, whose schema `chatcore_postgres.migrate` has made.

    Three pools: one for requests, and two small reserves for what must not wait behind them: endings and rescue, which
    may have to wait for rows; checkpoints, readers, stream counts, the readiness probe, which must not wait for those
    either. Nothing is kept in a session, so PgBouncer may stand between in
    transaction mode; one older than 1.21, or without `max_prepared_statements`, needs
    `prepared_statements=False`.

    Timeouts are kept on this side (a `statement_timeout` would be session state): what takes longer than
    `timeout_seconds`, the wait for a connection and all repetitions included, is cancelled and answered with
    StorageUnavailableError. A connection string that says nothing about TCP gets keepalives and a
    `tcp_user_timeout`, so that a server which vanished is noticed within seconds.

    Use it as an async context manager, or call :meth:`open` and :meth:`close`.

    Args:
        conninfo: URL or key-value string; `postgresql+asyncpg://` and the like mean the same.
        min_connections: kept open for requests.
        max_connections: most connections for requests.
        reserved_connections: most connections for background work, half of them for endings and rescue; one of
            each half is kept open.
        connection_timeout_seconds: longest wait for a free connection.
        timeout_seconds: longest that any method takes, roughly.
        prepared_statements: whether the server may remember statements.

    Raises:
        ValueError: `conninfo` is no connection string.
    """

    def __init__(
        self,
        conninfo: str,
        *,
        min_connections: int = 2,
        max_connections: int = 10,
        reserved_connections: int = 4,
        connection_timeout_seconds: float = 2.0,
        timeout_seconds: float = 5.0,
        prepared_statements: bool = True,
    ) -> None:
        def database(
            name: str, min_size: int, max_size: int, *, kind: type[Database] = Database, is_patient: bool = False
        ) -> Database:
            return kind(
                normalized(conninfo),
                name=name,
                min_size=min_size,
                max_size=max_size,
                is_patient=is_patient,
                connection_timeout_seconds=connection_timeout_seconds,
                timeout_seconds=timeout_seconds,
                prepared_statements=prepared_statements,
            )

        self._requests = database("requests", min_connections, max_connections, kind=WarmDatabase)
        # Writing a final state or finishing an orphan waits for the row of its conversation, however long another
        # transaction holds it. Lease renewals must not wait behind such a write.
        self._endings = database("endings", 1, max(reserved_connections // 2, 1), is_patient=True)
        self._background = database("background", 1, reserved_connections - reserved_connections // 2)

    async def open(self) -> None:
        """Starts to connect, and returns: the storage may be opened before the database is up."""
        await self._background.open()
        await self._endings.open()
        await self._requests.open()

    async def close(self) -> None:
        """Closes all connections. Harmless when there are none."""
        await self._requests.close()
        await self._endings.close()
        await self._background.close()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_exc_info: object) -> None:
        await self.close()

    def pool_stats(self) -> Mapping[str, Mapping[str, int]]:
        """The pools' own figures by their names: `pool_size`, `requests_waiting` and so on."""
        pools = {"requests": self._requests, "endings": self._endings, "background": self._background}
        return {name: pool.stats() for name, pool in pools.items()}

    async def create_conversation(self, conversation: Conversation) -> None:
        """See the port."""
        await self._requests.fetch(
            conversations.CREATE,
            {
                "user_id": conversation.user_id,
                "id": conversation.id,
                "title": conversation.title,
                "title_source": conversation.title_source.value,
                "model_tag": conversation.model_tag,
                "created_at": conversation.created_at,
                "updated_at": conversation.updated_at,
            },
        )

    async def list_conversations(self, user_id: UserId, request: PageRequest) -> Page:
        """See the port."""
        # One more than asked for tells whether anything comes after.
        limit = request.limit + 1
        if request.cursor is None:
            parameters: dict[str, object] = {"user_id": user_id, "limit": limit, "offset": request.offset}
            rows = await self._requests.fetch(conversations.LIST_BY_OFFSET, parameters)
        else:
            after = {"after_updated_at": request.cursor.updated_at, "after_id": request.cursor.id}
            parameters = {"user_id": user_id, "limit": limit, **after}
            rows = await self._requests.fetch(conversations.LIST_BY_CURSOR, parameters)
        found = tuple(to_conversations(user_id, rows[: request.limit]))
        return Page(found, Cursor.after(found[-1]) if len(rows) > request.limit else None)

    async def open_conversation(self, user_id: UserId, conversation_id: ConversationId) -> OpenConversation:
        """See the port."""
        rows = await self._requests.fetch(conversations.OPEN, _names(user_id, conversation_id))
        if not rows:
            raise ConversationNotFoundError
        conversation = to_opened(user_id, rows.pop(0))
        messages: list[Message] = []
        async for part in taken_in_slices(rows):
            messages += to_messages(user_id, conversation_id, part)
        return OpenConversation(conversation, tuple(messages))

    async def update_conversation(
        self, user_id: UserId, conversation_id: ConversationId, changes: ConversationChanges
    ) -> Conversation:
        """See the port."""
        parameters = {**_names(user_id, conversation_id), **conversations.change_parameters(changes)}
        rows = await self._requests.fetch(conversations.UPDATE, parameters)
        if not rows:
            raise ConversationNotFoundError
        return to_conversations(user_id, rows)[0]

    async def delete_conversation(self, user_id: UserId, conversation_id: ConversationId) -> None:
        """See the port."""
        if not await deletion.delete_conversation(self._requests, user_id, conversation_id):
            raise ConversationNotFoundError

    async def begin_turn(self, turn: NewTurn) -> AcceptedTurn:
        """See the port."""
        return await turns.begin_turn(self._requests, turn)

    async def begin_regeneration(self, regeneration: NewRegeneration) -> AcceptedTurn:
        """See the port."""
        return await turns.begin_regeneration(self._requests, regeneration)

    async def get_message(self, user_id: UserId, conversation_id: ConversationId, message_id: MessageId) -> Message:
        """See the port."""
        parameters = {**_names(user_id, conversation_id), "message_id": message_id}
        return _one_message(user_id, conversation_id, await self._requests.fetch(conversations.GET_MESSAGE, parameters))

    async def request_stop(self, user_id: UserId, conversation_id: ConversationId, message_id: MessageId) -> Message:
        """See the port."""
        parameters = {**_names(user_id, conversation_id), "message_id": message_id}
        rows = await self._requests.fetch(conversations.REQUEST_STOP, parameters)
        return _one_message(user_id, conversation_id, rows)

    async def checkpoint(self, owner_id: OwnerId, parts: Sequence[Progress]) -> Sequence[LeaseStatus]:
        """See the port."""
        return await generations.checkpoint(self._background, owner_id, parts)

    async def finish(self, lease: Lease, final_state: FinalState) -> bool:
        """See the port."""
        return await generations.finish(self._endings, lease, final_state)

    async def claim_expired(self, owner_id: OwnerId, running: Collection[MessageId], limit: int) -> Sequence[Lease]:
        """See the port."""
        return await generations.claim_expired(self._endings, owner_id, running, limit)

    async def finish_orphan(self, lease: Lease, decide: Callable[[OrphanedReply], FinalState]) -> FinalState | None:
        """See the port."""
        return await generations.finish_orphan(self._endings, lease, decide)

    async def read_deltas(self, readers: Sequence[DeltaReader]) -> Sequence[DeltaRead]:
        """See the port."""
        return await generations.read_deltas(self._background, readers)

    async def purge_idempotency_keys(self, before: datetime, limit: int) -> int:
        """See the port."""
        parameters = {"before": before, "limit": limit}
        # A plan for any values would expect so many that are old that it reads all keys there are.
        return len(await self._background.fetch(upkeep.PURGE_IDEMPOTENCY_KEYS, parameters, plan_anew=True))

    async def exchange_stream_counts(self, process_id: ProcessId, counts: Mapping[UserId, int]) -> Mapping[UserId, int]:
        """See the port."""
        return await stream_counts.exchange(self._background, process_id, counts)

    async def forget_stream_counts(self, limit: int) -> int:
        """See the port."""
        return await stream_counts.forget(self._background, limit)

    async def ping(self) -> None:
        """See the port."""
        await self._background.fetch(upkeep.PING, {})


def _names(user_id: UserId, conversation_id: ConversationId) -> dict[str, str | UUID]:
    return {"user_id": user_id, "conversation_id": conversation_id}


def _one_message(user_id: UserId, conversation_id: ConversationId, rows: Sequence[Row]) -> Message:
    if not rows:
        raise MessageNotFoundError
    return to_messages(user_id, conversation_id, rows)[0]
