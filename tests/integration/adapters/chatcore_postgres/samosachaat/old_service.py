"""The database of a samosachaat service, as the import finds it."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
from attrs import frozen
from psycopg import sql

SCHEMA = "old"
START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ALICE = UUID(int=0xA11CE)
BOB = UUID(int=0xB0B)

#: The tables as an object-relational mapper creates them.
TIDY = """
create table users (id uuid primary key, email text not null, name text);
create table conversations (
    id uuid primary key,
    user_id uuid not null references users,
    title varchar(255),
    model_tag varchar(100),
    is_favorited boolean default false,
    created_at timestamptz default now(),
    updated_at timestamptz default now()
);
create table messages (
    id uuid primary key,
    conversation_id uuid not null references conversations on delete cascade,
    role varchar(20) not null,
    content text not null,
    model_tag varchar(100),
    token_count integer,
    inference_time_ms integer,
    created_at timestamptz default now()
);
create index on messages (conversation_id);
"""

#: The same without keys, constraints and time zones.
CARELESS = """
create table users (id uuid, email text);
create table conversations (
    id uuid, user_id uuid, title text, model_tag text, is_favorited boolean, created_at timestamp, updated_at timestamp
);
create table messages (
    id uuid, conversation_id uuid, role text, content text, model_tag text, token_count integer,
    inference_time_ms integer, created_at timestamp
);
"""


def at(minutes: float) -> datetime:
    """Returns an instant so many minutes after the first one."""
    return START + timedelta(minutes=minutes)


@frozen
class OldService:
    """Writes to the database as that service does."""

    connection: psycopg.Connection
    schema: str

    def talk(self, number: int, user: UUID | None = ALICE, **columns: Any) -> UUID:  # noqa: ANN401 - values of any column
        """Adds a conversation; returns its id."""
        given = {
            "id": UUID(int=number),
            "user_id": user,
            "title": f"Talk {number}",
            "model_tag": "tiny",
            "created_at": at(0),
            "updated_at": at(60),
        }
        self.insert("conversations", {**given, **columns})
        return UUID(int=number)

    def say(self, conversation: UUID | None, number: int, role: str | None = "user", **columns: Any) -> UUID:  # noqa: ANN401 - values of any column
        """Adds a message, `number` minutes after the first instant; returns its id."""
        given = {
            "id": UUID(int=number << 64),
            "conversation_id": conversation,
            "role": role,
            "content": f"message {number}",
            "created_at": at(number),
        }
        self.insert("messages", {**given, **columns})
        return UUID(int=number << 64)

    def insert(self, table: str, row: Mapping[str, Any]) -> None:
        """Adds a row."""
        self.connection.execute(
            sql.SQL("insert into {} ({}) values ({})").format(
                sql.Identifier(self.schema, table),
                sql.SQL(", ").join(map(sql.Identifier, row)),
                sql.SQL(", ").join(sql.Placeholder() * len(row)),
            ),
            list(row.values()),
        )

    def execute(self, statement: str) -> None:
        """Executes SQL with the schema as the current one."""
        self.connection.execute(sql.SQL("set search_path to {}").format(sql.Identifier(self.schema)))
        self.connection.execute(statement.encode())
        self.connection.execute("set search_path to public")


@contextmanager
def old_service(
    database_url: str, *, tables: str = TIDY, users: Iterable[UUID] = (ALICE, BOB), schema: str = SCHEMA
) -> Generator[OldService]:
    """Creates the tables in a schema, with some users."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        service = OldService(connection, schema)
        connection.execute(sql.SQL("create schema if not exists {}").format(sql.Identifier(schema)))
        service.execute(tables)
        for user in users:
            service.insert("users", {"id": user, "email": f"{user.int:x}@chat.test"})
        yield service
