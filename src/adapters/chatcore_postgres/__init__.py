"""The storage port on PostgreSQL, and the migrations that make its schema."""

from chatcore_postgres.migration import MigrationError, migrate
from chatcore_postgres.storage import PostgresStorage

__all__ = ["MigrationError", "PostgresStorage", "migrate"]
