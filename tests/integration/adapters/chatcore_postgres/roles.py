"""A role of the database server that is there for the length of a block."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import psycopg
from psycopg import sql
from tests.integration.postgres_server import PostgresServer


@contextmanager
def new_role(server: PostgresServer) -> Iterator[str]:
    """Creates a role without any privileges; at the end of the block the role must own nothing."""
    name = f"chatcore_test_{uuid4().hex}"
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(sql.SQL("create role {}").format(sql.Identifier(name)))
        try:
            yield name
        finally:
            connection.execute(sql.SQL("drop role {}").format(sql.Identifier(name)))
