"""Roles of the database server that are there for the length of a block."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import psycopg
from attrs import frozen
from psycopg import sql
from psycopg.conninfo import make_conninfo
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


@frozen
class Visitor:
    """A role that may log in, with a password, since a server may ask for one."""

    name: str
    database_url: str


@contextmanager
def new_visitor(database_url: str) -> Iterator[Visitor]:
    """Creates a role that may log in but has no privileges; at the end of the block, its privileges go with it."""
    name, password = f"chatcore_test_{uuid4().hex}", uuid4().hex
    role = sql.Identifier(name)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(sql.SQL("create role {} login password {}").format(role, sql.Literal(password)))
        try:
            yield Visitor(name, make_conninfo(database_url, user=name, password=password))
        finally:
            connection.execute(sql.SQL("drop owned by {}").format(role))
            connection.execute(sql.SQL("drop role {}").format(role))
