"""Implements the storage port and the stream counts port on PostgreSQL."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Self

from chatcore.conversations.changes import ConversationChanges
from chatcore.conversations.conversation import Conversation
from chatcore.conversations.listing import Page, PageRequest
from chatcore.conversations.log import Stretch
from chatcore.conversations.message import ConversationId, Message, MessageId
from chatcore.conversations.path import MessageSlice, OpenPath, PathRequest, SliceKey
from chatcore.ports import AcceptedTurn, DeltaRead, DeltaReader, NewContinuation, NewRegeneration, NewTurn, Storage
from chatcore.ports.stream_counts import ProcessId, StreamCounts
from chatcore.replies.lease import FinalState, Lease, LeaseStatus, OwnerId, Progress
from chatcore.replies.orphans import OrphanedReply, ResumedReply, Resumption
from chatcore.user import UserId
from chatcore_postgres import contents, conversations, health, paths, stream_counts
from chatcore_postgres.driver.conninfo import normalized
from chatcore_postgres.driver.database import Database, Target
from chatcore_postgres.driver.database_share import DatabaseShare
from chatcore_postgres.replies import idempotency_keys
from chatcore_postgres.replies.begin_continuation import begin_continuation
from chatcore_postgres.replies.begin_regeneration import begin_regeneration
from chatcore_postgres.replies.begin_turn import begin_turn
from chatcore_postgres.replies.checkpoint import checkpoint
from chatcore_postgres.replies.deltas import read_deltas
from chatcore_postgres.replies.finish import finish
from chatcore_postgres.replies.hand_over import hand_over
from chatcore_postgres.replies.interrupt import interrupt
from chatcore_postgres.replies.messages import get_message, request_stop
from chatcore_postgres.replies.orphans import claim_expired, recover
from chatcore_postgres.warm_up import WarmDatabase


class PostgresStorage(Storage, StreamCounts):
    """Stores all data in PostgreSQL 15 or later, in the schema that `chatcore_postgres.migrate` creates.

    There are three pools: one for requests, and two small reserves for work that must not wait behind requests. Final
    states and recovery may have to wait for row locks; checkpoints, readers, stream counts and the readiness probe must
    not wait for row locks either.

    No state is kept in a session, so PgBouncer may be used in transaction mode. A PgBouncer older than 1.21, or without
    `max_prepared_statements`, needs `prepared_statements=False`.

    Timeouts are enforced by this class, because a `statement_timeout` would be session state. A method that takes
    longer than `timeout_seconds`, including the wait for a connection and all repeats, is cancelled and raises
    StorageUnavailableError. A connection string without TCP settings gets keepalives and a `tcp_user_timeout`, so that
    a server that has vanished is noticed within seconds.

    Use an instance as an async context manager, or call :meth:`open` and :meth:`close`.

    Args:
        conninfo: a URL or a key-value string; a driver name as in `postgresql+asyncpg://` is ignored, and so are
            parameters of SQLAlchemy and asyncpg.
        min_connections: the number of connections that are kept open for requests.
        max_connections: the maximum number of connections for requests; at most half of them read the messages of
            conversations.
        reserved_connections: the maximum number of connections for background work, half of them for final states and
            recovery; one of each half is kept open.
        connection_timeout_seconds: the longest wait for a free connection.
        timeout_seconds: approximately the longest time that any method takes.
        prepared_statements: whether the server may keep prepared statements.
        schema: the schema of the tables. Statements name it, whatever the `search_path` of a connection.

    Raises:
        ValueError: `conninfo` is not a connection string.
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
        schema: str = "public",
    ) -> None:
        target = Target(normalized(conninfo), schema)

        def database(
            name: str, min_size: int, max_size: int, *, kind: type[Database] = Database, is_patient: bool = False
        ) -> Database:
            return kind(
                target,
                name=name,
                min_size=min_size,
                max_size=max_size,
                is_patient=is_patient,
                connection_timeout_seconds=connection_timeout_seconds,
                timeout_seconds=timeout_seconds,
                prepared_statements=prepared_statements,
            )

        self._requests = database("requests", min_connections, max_connections, kind=WarmDatabase)
        # Large conversations and their many readers must not keep others from sending and listing.
        self._readings = DatabaseShare(
            self._requests, connections=max(max_connections // 2, 1), timeout_seconds=timeout_seconds
        )
        # A write of a final state waits for the row of its conversation as long as another transaction holds the row.
        # Lease renewals must not wait behind such a write.
        self._endings = database("endings", 1, max(reserved_connections // 2, 1), is_patient=True)
        self._background = database("background", 1, reserved_connections - reserved_connections // 2)

    async def open(self) -> None:
        """Starts to connect and returns at once, so the storage may be opened before the database is up."""
        await self._background.open()
        await self._endings.open()
        await self._requests.open()

    async def close(self) -> None:
        """Closes all connections; does nothing if there are none."""
        await self._requests.close()
        await self._endings.close()
        await self._background.close()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_exc_info: object) -> None:
        await self.close()

    def pool_stats(self) -> Mapping[str, Mapping[str, int]]:
        """Returns the statistics of each pool by its name: `pool_size`, `requests_waiting` and so on."""
        pools = {"requests": self._requests, "endings": self._endings, "background": self._background}
        return {name: pool.stats() for name, pool in pools.items()}

    async def create_conversation(self, conversation: Conversation) -> None:
        """Stores a new, empty conversation, as the port says."""
        await conversations.create(self._requests, conversation)

    async def list_conversations(self, user_id: UserId, request: PageRequest) -> Page:
        """Returns a page of the user's conversations, as the port says."""
        return await conversations.list_page(self._requests, user_id, request)

    async def get_conversation(self, user_id: UserId, conversation_id: ConversationId) -> Conversation:
        """Returns a conversation without its messages, as the port says."""
        return await conversations.get(self._requests, user_id, conversation_id)

    async def open_path(self, user_id: UserId, conversation_id: ConversationId, request: PathRequest) -> OpenPath:
        """Returns a conversation with the oldest slice of its path, as the port says."""
        return await paths.open_path(self._readings, user_id, conversation_id, request)

    async def read_slice(self, user_id: UserId, conversation_id: ConversationId, key: SliceKey) -> MessageSlice:
        """Returns a slice of a path, as the port says."""
        return await paths.read_slice(self._readings, user_id, conversation_id, key)

    async def read_tree(self, user_id: UserId, conversation_id: ConversationId, after: int) -> MessageSlice:
        """Returns the messages after a position, as the port says."""
        return await paths.read_tree(self._readings, user_id, conversation_id, after)

    async def read_text(
        self, user_id: UserId, conversation_id: ConversationId, message_id: MessageId, offset: int
    ) -> str:
        """Returns a section of a message's text, as the port says."""
        return await contents.read_text(self._readings, user_id, conversation_id, message_id, offset)

    async def read_log(
        self, user_id: UserId, conversation_id: ConversationId, message_id: MessageId, position: int, max_chars: int
    ) -> Sequence[Stretch]:
        """Returns stretches of a reply's log, as the port says."""
        return await contents.read_log(self._readings, user_id, conversation_id, message_id, position, max_chars)

    async def update_conversation(
        self, user_id: UserId, conversation_id: ConversationId, changes: ConversationChanges
    ) -> Conversation:
        """Applies changes to a conversation, as the port says."""
        return await conversations.update(self._requests, user_id, conversation_id, changes)

    async def replace_auto_title(self, user_id: UserId, conversation_id: ConversationId, *, old: str, new: str) -> None:
        """Replaces a title that no user chose, as the port says."""
        await conversations.replace_auto_title(self._requests, user_id, conversation_id, old=old, new=new)

    async def delete_conversation(self, user_id: UserId, conversation_id: ConversationId) -> None:
        """Deletes a conversation, as the port says."""
        await conversations.delete(self._requests, user_id, conversation_id)

    async def begin_turn(self, turn: NewTurn) -> AcceptedTurn:
        """Begins a turn, as the port says."""
        return await begin_turn(self._requests, turn)

    async def interrupt(
        self,
        new: NewTurn | NewRegeneration,
        running_id: MessageId,
        decide: Callable[[OrphanedReply], FinalState],
    ) -> AcceptedTurn:
        """Ends a running reply and begins another one, as the port says."""
        return await interrupt(self._requests, new, running_id, decide)

    async def begin_regeneration(self, regeneration: NewRegeneration) -> AcceptedTurn:
        """Begins a regeneration, as the port says."""
        return await begin_regeneration(self._requests, regeneration)

    async def begin_continuation(self, continuation: NewContinuation) -> AcceptedTurn:
        """Begins a continuation, as the port says."""
        return await begin_continuation(self._requests, continuation)

    async def get_message(self, user_id: UserId, conversation_id: ConversationId, message_id: MessageId) -> Message:
        """Returns one message, as the port says."""
        return await get_message(self._requests, user_id, conversation_id, message_id)

    async def request_stop(self, user_id: UserId, conversation_id: ConversationId, message_id: MessageId) -> Message:
        """Asks the owner of a reply to stop, as the port says."""
        return await request_stop(self._requests, user_id, conversation_id, message_id)

    async def checkpoint(self, owner_id: OwnerId, parts: Sequence[Progress]) -> Sequence[LeaseStatus]:
        """Stores new text and renews leases, as the port says."""
        return await checkpoint(self._background, owner_id, parts)

    async def finish(self, lease: Lease, final_state: FinalState) -> bool:
        """Writes the final state of a reply, as the port says."""
        return await finish(self._endings, lease, final_state)

    async def claim_expired(
        self, owner_id: OwnerId, running: Collection[MessageId], limit: int, *, only_given_up: bool = False
    ) -> Sequence[Lease]:
        """Takes over replies whose lease has expired, as the port says."""
        return await claim_expired(self._endings, owner_id, running, limit, only_given_up=only_given_up)

    async def recover(
        self, lease: Lease, decide: Callable[[OrphanedReply], FinalState | Resumption], *, history_limit: int = 1
    ) -> FinalState | ResumedReply | None:
        """Finishes or resumes an orphaned reply from its deltas, as the port says."""
        return await recover(self._endings, lease, decide, history_limit)

    async def hand_over(self, part: Progress) -> bool:
        """Stores the last text of an owner and gives its lease up, as the port says."""
        return await hand_over(self._endings, part)

    async def read_deltas(self, readers: Sequence[DeltaReader]) -> Sequence[DeltaRead]:
        """Returns the text that each reader is missing, as the port says."""
        return await read_deltas(self._background, readers)

    async def purge_idempotency_keys(self, age_seconds: float, limit: int) -> int:
        """Deletes old idempotency keys, as the port says."""
        return await idempotency_keys.purge(self._background, age_seconds, limit)

    async def exchange_stream_counts(self, process_id: ProcessId, counts: Mapping[UserId, int]) -> Mapping[UserId, int]:
        """Exchanges the counts of a process for those of all others, as the port says."""
        return await stream_counts.exchange(self._background, process_id, counts)

    async def forget_stream_counts(self, limit: int) -> int:
        """Deletes expired counts, as the port says."""
        return await stream_counts.forget(self._background, limit)

    async def ping(self) -> None:
        """Returns when the database answers, as the port says."""
        await health.ping(self._background)
