"""A database that is there for the length of a block."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import LiteralString
from uuid import uuid4

import psycopg
from psycopg import sql

from tests.integration.postgres_server import PostgresServer


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


def _administer(server: PostgresServer, statement: LiteralString, *names: str) -> None:
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))
