"""A migrated database of a cluster's own."""

from uuid import uuid4

import psycopg
from psycopg import sql

from chatcore_postgres import migrate
from tests.integration.embedded_postgres import EmbeddedPostgres


async def fresh_database(server: EmbeddedPostgres, *, schema: str = "public") -> str:
    """Returns the address of a new database with all migrations; it goes with its server."""
    name = f"faults_{uuid4().hex}"
    async with await psycopg.AsyncConnection.connect(server.url(), autocommit=True) as connection:
        await connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    await migrate(server.url(name), schema=schema)
    return server.url(name)
