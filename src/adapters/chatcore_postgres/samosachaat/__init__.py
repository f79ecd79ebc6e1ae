"""Imports the conversations of a samosachaat chat service from its PostgreSQL database."""

from chatcore_postgres.samosachaat.failure import ImportFailedError
from chatcore_postgres.samosachaat.importer import OnProgress, import_samosachaat
from chatcore_postgres.samosachaat.report import ImportReport, TableCounts

__all__ = ["ImportFailedError", "ImportReport", "OnProgress", "TableCounts", "import_samosachaat"]
