"""A database that is there for the length of a block."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import LiteralString
from uuid import uuid4

import psycopg
from psycopg import sql

from tests.integration.postgres_server import PostgresServer

_FILLED_BY_USE = "select tablename from pg_tables where schemaname = 'public' and tablename <> 'schema_migrations'"


@contextmanager
def new_database(server: PostgresServer, *, template: str = "template0", encoding: str | None = None) -> Iterator[str]:
    """Provides the name of a copy of the template, with the template's encoding unless another is given."""
    name = f"chatcore_test_{uuid4().hex}"
    if encoding is None:
        _administer(server, "create database {} template {}", name, template)
    else:
        # A locale other than C goes with one encoding only.
        statement: LiteralString = "create database {} template {} encoding {} lc_collate 'C' lc_ctype 'C'"
        _administer(server, statement, name, template, encoding)
    try:
        yield name
    finally:
        # A test that failed may have left connections open; they must not take the others down with it.
        _administer(server, "drop database {} with (force)", name)


def empty(database_url: str) -> None:
    """Deletes the rows of all tables but the one of the migrations."""
    with psycopg.connect(database_url) as connection:
        # A connection that a test left open in a transaction fails the test instead of holding it up.
        connection.execute("set local lock_timeout = '10s'")
        for (table,) in connection.execute(_FILLED_BY_USE).fetchall():
            connection.execute(sql.SQL("delete from {}").format(sql.Identifier(table)))


def _administer(server: PostgresServer, statement: LiteralString, *names: str) -> None:
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))
