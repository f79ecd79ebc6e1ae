"""Turns a statement of this adapter into the text that the server is sent."""

import re
from functools import cache
from typing import LiteralString

#: All tables of the adapter. Statements name them without a schema.
TABLES: tuple[LiteralString, ...] = (
    "conversations",
    "messages",
    "generations",
    "deltas",
    "pieces",
    "idempotency_keys",
    "open_streams",
    "deleted_conversations",
    "search_queue",
    "search_terms",
    "search_titles",
)

_TABLE = re.compile(rf"\b(from|join|into|update|using)(\s+)({'|'.join(TABLES)})\b")


@cache
def as_sent(statement: LiteralString, schema: str) -> tuple[bytes, tuple[str, ...]]:
    """Qualifies the tables with the schema and replaces each `%(name)s` by `$1`, which the server understands.

    The schema is part of the text because a `search_path` would be session state, which PgBouncer does not keep in
    transaction mode. The result is cached: psycopg would replace the names at each execution, and the statement that
    begins a turn is long.

    Returns:
        The text, and the names of the parameters in the order of their numbers.
    """
    names: dict[str, int] = {}

    def number(match: re.Match[str]) -> str:
        return f"${names.setdefault(match[1], len(names) + 1)}"

    def qualify(match: re.Match[str]) -> str:
        return f"{match[1]}{match[2]}{quoted(schema)}.{match[3]}"

    numbered = re.sub(r"%\((\w+)\)s", number, statement)
    return _TABLE.sub(qualify, numbered).encode(), tuple(names)


def quoted(identifier: str) -> str:
    """Returns an identifier in SQL."""
    return '"' + identifier.replace('"', '""') + '"'
