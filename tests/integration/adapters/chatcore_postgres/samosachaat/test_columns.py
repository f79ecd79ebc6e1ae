"""The tables of the source may differ from the usual ones, and those that cannot be read are refused in a sentence."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from uuid import UUID

import psycopg
import pytest
from tests.integration.adapters.chatcore_postgres.roles import new_visitor
from tests.integration.adapters.chatcore_postgres.samosachaat.chat_page import chat_page
from tests.integration.adapters.chatcore_postgres.samosachaat.importing import run
from tests.integration.adapters.chatcore_postgres.samosachaat.old_service import (
    SCHEMA,
    TIDY,
    OldService,
    at,
    old_service,
)

from chatcore_postgres.samosachaat import ImportFailedError
from chatcore_postgres.samosachaat.report import Skip

_FEWEST = """
create table conversations (id uuid, user_id text);
create table messages (id uuid, conversation_id uuid, role text, content text);
"""

_OTHER_TYPES = """
create type author as enum ('USER', 'ASSISTANT');
create table conversations (
    id varchar(36), user_id bigint, title varchar(80), is_favorited integer, created_at date, updated_at timestamp
);
create table messages (
    id char(36), conversation_id text, role author, content varchar, token_count numeric, inference_time_ms real,
    created_at timestamp
);
"""

Old = Callable[[str], AbstractContextManager[OldService]]


@pytest.fixture
def old(database_url: str) -> Old:
    return lambda tables: old_service(database_url, tables=tables, users=())


async def test_the_least_that_is_needed_is_imported(database_url: str, old: Old) -> None:
    with old(_FEWEST) as service:
        service.insert("conversations", {"id": UUID(int=1), "user_id": "ada"})
        for number, content in ((3, "third"), (1, "first"), (2, "second")):
            row = {"id": UUID(int=number), "conversation_id": UUID(int=1), "role": "user", "content": content}
            service.insert("messages", row)

        await run(database_url)

    async with chat_page(database_url) as page:
        assert (await page.open("ada", UUID(int=1)))["title"] == "New conversation"
        assert await page.contents("ada", UUID(int=1)) == ["first", "second", "third"]


async def test_values_of_neighbouring_types_are_imported(database_url: str, old: Old) -> None:
    with old(_OTHER_TYPES) as service:
        talk = {"id": str(UUID(int=1)).upper(), "user_id": 42, "title": "Frogs", "is_favorited": 1}
        service.insert("conversations", {**talk, "created_at": at(0), "updated_at": at(9)})
        service.insert("conversations", {**talk, "id": "no uuid"})
        reply = {"id": str(UUID(int=2)), "conversation_id": UUID(int=1).hex, "role": "ASSISTANT", "content": "Croak"}
        service.insert(
            "messages", {**reply, "token_count": 3, "inference_time_ms": 12.5, "created_at": at(1).replace(tzinfo=None)}
        )
        nan = {"id": str(UUID(int=3)), "token_count": "NaN", "inference_time_ms": 1e30, "created_at": "infinity"}
        service.insert("messages", {**reply, **nan})

        report = await run(database_url)

    assert report.conversations.skipped.keys() == {Skip.NO_ID}
    async with chat_page(database_url) as page:
        shown = await page.open("42", UUID(int=1))
    first, second = shown["messages"]
    assert (shown["title"], shown["is_pinned"]) == ("Frogs", True)
    assert (first["role"], first["token_count"], first["inference_time_ms"]) == ("assistant", 3, 12)
    assert (second["token_count"], second["inference_time_ms"]) == (0, 0)
    assert first["created_at"] == second["created_at"] == at(1).isoformat()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("drop table messages", 'The source has no table "messages" in the schema "old".'),
        ("drop table messages, conversations", 'The source has no table "conversations" in the schema "old".'),
        ("alter table messages rename content to body", 'The table "messages" of the source has no column "content".'),
        (
            "alter table messages alter created_at drop default, alter created_at type text",
            "The column created_at of the source has the type text, which is not supported.",
        ),
        (
            "alter table messages alter token_count type text",
            "The column token_count of the source has the type text, which is not supported.",
        ),
        (
            "alter table conversations add next_position bigint",
            'The tables in the schema "old" of the source are those of chatcore itself.',
        ),
    ],
)
async def test_tables_that_cannot_be_read_are_refused(database_url: str, old: Old, change: str, sentence: str) -> None:
    with old(TIDY) as service:
        service.execute(change)

        with pytest.raises(ImportFailedError) as raised:
            await run(database_url)

    assert str(raised.value) == sentence


async def test_our_own_tables_are_no_source(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"create schema {SCHEMA}".encode())
        for table in ("conversations", "messages"):
            connection.execute(f"create table {SCHEMA}.{table} (like {table})".encode())

    with pytest.raises(ImportFailedError, match="those of chatcore itself"):
        await run(database_url)


@pytest.mark.parametrize(
    ("grant", "sentence"),
    [
        ("grant usage on schema old to {reader}", 'does not let this user read the column "id" of "conversations".'),
        (
            (
                "grant usage on schema old to {reader}; grant select on old.conversations to {reader}; "
                "grant select (id, conversation_id, role) on old.messages to {reader}"
            ),
            'does not let this user read the column "content" of "messages".',
        ),
        ("grant select on old.conversations, old.messages to {reader}", "permission denied for schema old."),
    ],
)
async def test_a_user_who_may_not_read_is_told_so(database_url: str, old: Old, grant: str, sentence: str) -> None:
    with (
        old(TIDY),
        new_visitor(database_url) as reader,
        psycopg.connect(database_url, autocommit=True) as connection,
    ):
        connection.execute(grant.format(reader=reader.name).encode())
        with pytest.raises(ImportFailedError) as raised:
            await run(database_url, source_url=reader.database_url)

    assert str(raised.value).endswith(sentence)
