"""Implements the storage port and the stream counts port on PostgreSQL."""

from collections.abc import Mapping
from typing import Self

from chatcore.ports import Storage
from chatcore_postgres.driver.conninfo import normalized
from chatcore_postgres.driver.database import Target
from chatcore_postgres.pools import Pools, PoolSettings
from chatcore_postgres.stores.bulk_deletions import PostgresBulkDeletions
from chatcore_postgres.stores.change_store import PostgresChanges
from chatcore_postgres.stores.conversation_store import PostgresConversations
from chatcore_postgres.stores.reply_store import PostgresReplies
from chatcore_postgres.stores.search_store import PostgresSearchIndex
from chatcore_postgres.stores.stream_count_store import PostgresStreamCounts
from chatcore_postgres.stores.transfer_store import PostgresTransfers
from chatcore_postgres.stores.tree_store import PostgresTrees


class PostgresStorage(
    PostgresConversations,
    PostgresTrees,
    PostgresBulkDeletions,
    PostgresTransfers,
    PostgresReplies,
    PostgresChanges,
    PostgresSearchIndex,
    PostgresStreamCounts,
    Storage,
):
    """Stores all data in PostgreSQL 15 or later, in the schema that `chatcore_postgres.migrate` creates.

    There are three pools of connections, so that work in the background does not wait behind requests.

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
        settings = PoolSettings(
            min_connections=min_connections,
            max_connections=max_connections,
            reserved_connections=reserved_connections,
            connection_timeout_seconds=connection_timeout_seconds,
            timeout_seconds=timeout_seconds,
            prepared_statements=prepared_statements,
        )
        self._pools = Pools(Target(normalized(conninfo), schema), settings)

    async def open(self) -> None:
        """Starts to connect and returns at once, so the storage may be opened before the database is up."""
        await self._pools.open()

    async def close(self) -> None:
        """Closes all connections; does nothing if there are none."""
        await self._pools.close()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_exc_info: object) -> None:
        await self.close()

    def pool_stats(self) -> Mapping[str, Mapping[str, int]]:
        """Returns the statistics of each pool by its name: `pool_size`, `requests_waiting` and so on."""
        return self._pools.stats()
