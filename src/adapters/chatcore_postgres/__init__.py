"""Implements the storage port on PostgreSQL, and holds the migrations that create its schema."""

from chatcore.missing_extra import needs_extra

with needs_extra("chatcore_postgres", "postgres"):
    from chatcore_postgres.migration import migrate
    from chatcore_postgres.schema_survey import MigrationError
    from chatcore_postgres.storage import PostgresStorage

__all__ = ["MigrationError", "PostgresStorage", "migrate"]
