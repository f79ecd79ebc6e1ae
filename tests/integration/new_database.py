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
def new_database(server: PostgresServer, *, template: str = "template0") -> Iterator[str]:
    """The name of a copy of the template."""
    name = f"chatcore_test_{uuid4().hex}"
    _administer(server, "create database {} template {}", name, template)
    try:
        yield name
    finally:
        # A test that failed may have left connections open; they must not take the others down with it.
        _administer(server, "drop database {} with (force)", name)


def _administer(server: PostgresServer, statement: LiteralString, *names: str) -> None:
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))
