"""Implements the storage port on PostgreSQL, and holds the migrations that create its schema."""

from chatcore_postgres.migration import MigrationError, migrate
from chatcore_postgres.storage import PostgresStorage

__all__ = ["MigrationError", "PostgresStorage", "migrate"]
