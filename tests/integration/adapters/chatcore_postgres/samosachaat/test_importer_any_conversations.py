"""Whatever the old service holds and adds, users see the same messages in the same order."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import UUID

import pytest
from attrs import frozen
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.integration.adapters.chatcore_postgres.samosachaat.chat_page import chat_page
from tests.integration.adapters.chatcore_postgres.samosachaat.importing import run
from tests.integration.adapters.chatcore_postgres.samosachaat.old_service import (
    ALICE,
    BOB,
    CARELESS,
    OldService,
    at,
    old_service,
)
from tests.integration.new_database import new_database
from tests.integration.postgres_server import PostgresServer


@frozen
class Said:
    """A message of the old service."""

    number: int
    talk: int
    role: str
    content: str
    minute: int


_CONTENTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=30)
_EXAMPLES = st.lists(
    st.builds(
        Said,
        number=st.integers(1, 10**6),
        talk=st.integers(1, 4),
        role=st.sampled_from(["user", "assistant", "system"]),
        content=_CONTENTS,
        # Several messages of one minute are in the order of their ids.
        minute=st.integers(0, 8),
    ),
    max_size=30,
    unique_by=lambda said: said.number,
)


def _user(talk: int) -> UUID:
    return ALICE if talk % 2 else BOB


def _write(old: OldService, messages: Sequence[Said], *, later: int = 0) -> None:
    for said in messages:
        old.say(UUID(int=said.talk), said.number, said.role, content=said.content, created_at=at(said.minute + later))


def _in_order(messages: Sequence[Said], talk: int) -> list[tuple[str, str]]:
    ordered = sorted((said.minute, said.number, said.role, said.content) for said in messages if said.talk == talk)
    return [(role, content) for _, _, role, content in ordered]


async def _require_the_same(database_url: str, *writes: Sequence[Said]) -> None:
    async with chat_page(database_url) as page:
        for talk in range(1, 5):
            shown = (await page.open(_user(talk), UUID(int=talk)))["messages"]
            expected = [message for write in writes for message in _in_order(write, talk)]
            assert [(message["role"], message["content"]) for message in shown] == expected


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(messages=_EXAMPLES, before=st.integers(0, 30), batch=st.sampled_from([1, 2, 3, 500]))
def test_users_see_the_messages_of_the_source_in_its_order(
    messages: list[Said],
    before: int,
    batch: int,
    postgres: PostgresServer,
    template_database: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("chatcore_postgres.samosachaat.importer.MAX_BATCH_MESSAGES", batch)
    first, second = messages[:before], messages[before:]
    with new_database(postgres, template=template_database) as name:
        url = postgres.database_url(name)
        with old_service(url, tables=CARELESS, users=()) as old:
            for talk in range(1, 5):
                old.talk(talk, user=_user(talk))
            _write(old, first)
            assert asyncio.run(run(url)).messages.added == len(first)
            asyncio.run(_require_the_same(url, first))
            _write(old, second, later=60)

            report = asyncio.run(run(url))

            assert (report.messages.added, report.messages.present) == (len(second), len(first))
            asyncio.run(_require_the_same(url, first, second))
            assert asyncio.run(run(url)).messages.added == 0
