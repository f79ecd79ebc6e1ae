"""Imports from the old service, and shows what the import wrote."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
from tests.integration.adapters.chatcore_postgres.samosachaat.old_service import SCHEMA

from chatcore.conversations.conversation import PLACEHOLDER_TITLES
from chatcore.input_limits import InputLimits
from chatcore_postgres.samosachaat import ImportReport, TableCounts, import_samosachaat
from chatcore_postgres.samosachaat.importer import OnProgress
from chatcore_postgres.samosachaat.report import Skip

NOW = datetime(2026, 4, 1, tzinfo=UTC)


def _ignore(_done: int, _total: int) -> None:
    """Takes the progress of an import that nobody watches."""


async def run(
    database_url: str, *, source_url: str | None = None, is_dry: bool = False, on_progress: OnProgress = _ignore
) -> ImportReport:
    """Imports from the schema of the old service, in the same database unless another is named."""
    return await import_samosachaat(
        source_url or database_url,
        database_url,
        source_schema=SCHEMA,
        is_dry=is_dry,
        placeholder_titles=PLACEHOLDER_TITLES,
        limits=InputLimits(),
        now=NOW,
        on_progress=on_progress,
    )


def stored(database_url: str) -> dict[str, list[Any]]:
    """Returns all rows of our tables that an import writes."""
    with psycopg.connect(database_url) as connection:
        return {
            table: connection.execute(f"select * from {table} order by user_id, id".encode()).fetchall()  # noqa: S608 - our own tables
            for table in ("conversations", "messages")
        }


def skipped(counts: TableCounts) -> dict[Skip, tuple[int, list[UUID]]]:
    """Returns the reasons with their counts and examples."""
    return {reason: (rows.count, rows.examples) for reason, rows in counts.skipped.items()}
