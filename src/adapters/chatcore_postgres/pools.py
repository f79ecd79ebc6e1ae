"""Builds the connection pools of the storage."""

from collections.abc import Mapping

from attrs import frozen

from chatcore_postgres.driver.database import Database, Target
from chatcore_postgres.driver.database_share import DatabaseShare
from chatcore_postgres.transfers import ADD_SECONDS
from chatcore_postgres.warm_up import WarmDatabase


@frozen(kw_only=True)
class PoolSettings:
    """Says how many connections there are and how long a call may take; see :class:`PostgresStorage`."""

    min_connections: int
    max_connections: int
    reserved_connections: int
    connection_timeout_seconds: float
    timeout_seconds: float
    prepared_statements: bool


class Pools:
    """Holds one pool for requests, and two small reserves for work that must not wait behind requests.

    Final states and recovery may have to wait for row locks; checkpoints, readers, stream counts and the readiness
    probe must not wait for row locks either.
    """

    def __init__(self, target: Target, settings: PoolSettings) -> None:
        def database(
            name: str, min_size: int, max_size: int, *, kind: type[Database] = Database, is_patient: bool = False
        ) -> Database:
            return kind(
                target,
                name=name,
                min_size=min_size,
                max_size=max_size,
                is_patient=is_patient,
                connection_timeout_seconds=settings.connection_timeout_seconds,
                timeout_seconds=settings.timeout_seconds,
                prepared_statements=settings.prepared_statements,
            )

        reserved = settings.reserved_connections
        self.requests = database("requests", settings.min_connections, settings.max_connections, kind=WarmDatabase)
        # Large conversations and their many readers must not keep others from sending and listing.
        self.readings = DatabaseShare(
            self.requests,
            connections=max(settings.max_connections // 2, 1),
            timeout_seconds=settings.timeout_seconds,
        )
        # An import may take long for each of its conversations.
        self.additions = DatabaseShare(
            self.requests,
            connections=max(settings.max_connections // 4, 1),
            timeout_seconds=ADD_SECONDS,
        )
        # A write of a final state waits for the row of its conversation as long as another transaction holds the row.
        # Lease renewals must not wait behind such a write.
        self.endings = database("endings", 1, max(reserved // 2, 1), is_patient=True)
        self.background = database("background", 1, reserved - reserved // 2)

    async def open(self) -> None:
        """Starts to connect and returns at once."""
        await self.background.open()
        await self.endings.open()
        await self.requests.open()

    async def close(self) -> None:
        """Closes all connections; does nothing if there are none."""
        await self.requests.close()
        await self.endings.close()
        await self.background.close()

    def stats(self) -> Mapping[str, Mapping[str, int]]:
        """Returns the statistics of each pool by its name: `pool_size`, `requests_waiting` and so on."""
        pools = {"requests": self.requests, "endings": self.endings, "background": self.background}
        return {name: pool.stats() for name, pool in pools.items()}
