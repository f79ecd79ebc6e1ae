"""What an import brings from a database of a samosachaat service, as users see it afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest
from tests.integration.adapters.chatcore_postgres.samosachaat.chat_page import chat_page
from tests.integration.adapters.chatcore_postgres.samosachaat.old_service import (
    ALICE,
    BOB,
    CARELESS,
    SCHEMA,
    OldService,
    at,
    old_service,
)

from chatcore.conversations.conversation import PLACEHOLDER_TITLES
from chatcore.input_limits import InputLimits
from chatcore_postgres.samosachaat import ImportReport, TableCounts, import_samosachaat
from chatcore_postgres.samosachaat.importer import OnProgress
from chatcore_postgres.samosachaat.report import Note, Skip

NOW = datetime(2026, 4, 1, tzinfo=UTC)


def _ignore(_done: int, _total: int) -> None:
    """Takes the progress of an import that nobody watches."""


async def run(
    database_url: str, *, source_url: str | None = None, is_dry: bool = False, on_progress: OnProgress = _ignore
) -> ImportReport:
    """Imports from the schema of the old service, in the same database unless another is named."""
    return await import_samosachaat(
        source_url or database_url,
        database_url,
        source_schema=SCHEMA,
        is_dry=is_dry,
        placeholder_titles=PLACEHOLDER_TITLES,
        limits=InputLimits(),
        now=NOW,
        on_progress=on_progress,
    )


def stored(database_url: str) -> dict[str, list[Any]]:
    """Returns all rows of our tables that an import writes."""
    with psycopg.connect(database_url) as connection:
        return {
            table: connection.execute(f"select * from {table} order by user_id, id".encode()).fetchall()  # noqa: S608 - our own tables
            for table in ("conversations", "messages")
        }


def skipped(counts: TableCounts) -> dict[Skip, tuple[int, list[UUID]]]:
    """Returns the reasons with their counts and examples."""
    return {reason: (rows.count, rows.examples) for reason, rows in counts.skipped.items()}


@pytest.fixture
def old(database_url: str) -> Iterator[OldService]:
    with old_service(database_url) as service:
        yield service


@pytest.fixture
def careless(database_url: str) -> Iterator[OldService]:
    with old_service(database_url, tables=CARELESS, users=()) as service:
        yield service


async def test_a_conversation_comes_with_its_messages_in_order(database_url: str, old: OldService) -> None:
    talk = old.talk(1, title="Pancakes", is_favorited=True)
    question = old.say(talk, 1, content="How do I make pancakes?")
    answer = old.say(talk, 2, "assistant", content="Flour, eggs, milk.", token_count=5, inference_time_ms=70)

    report = await run(database_url)

    assert (report.conversations, report.messages) == (TableCounts(added=1), TableCounts(added=2))
    async with chat_page(database_url) as page:
        shown = await page.open(ALICE, talk)
    assert (shown["title"], shown["model_tag"], shown["is_pinned"]) == ("Pancakes", "tiny", True)
    assert datetime.fromisoformat(shown["created_at"]) == at(0)
    assert datetime.fromisoformat(shown["updated_at"]) == at(60)
    first, second = shown["messages"]
    assert (first["id"], first["role"], first["content"]) == (str(question), "user", "How do I make pancakes?")
    assert (second["id"], second["role"], second["content"]) == (str(answer), "assistant", "Flour, eggs, milk.")
    assert (second["token_count"], second["inference_time_ms"], second["model_tag"]) == (5, 70, "tiny")
    assert (first["status"], second["status"]) == ("complete", "complete")
    assert datetime.fromisoformat(second["created_at"]) == at(2)


async def test_a_title_that_the_old_service_made_up_is_replaced_by_the_next_message(
    database_url: str, old: OldService
) -> None:
    titles = {1: None, 2: "", 3: "  ", 4: "New chat", 5: "New conversation", 6: "Mine"}
    for number, title in titles.items():
        old.talk(number, title=title)

    await run(database_url)

    async with chat_page(database_url) as page:
        before = {number: (await page.open(ALICE, UUID(int=number)))["title"] for number in titles}
        for number in titles:
            await page.send(ALICE, UUID(int=number), "About frogs")
        after = {number: (await page.open(ALICE, UUID(int=number)))["title"] for number in titles}
    assert before == dict.fromkeys((1, 2, 3, 5), "New conversation") | {4: "New chat", 6: "Mine"}
    assert after == dict.fromkeys((1, 2, 3, 4, 5), "About frogs") | {6: "Mine"}


async def test_every_oddity_of_a_careless_database_is_imported_or_skipped_with_its_reason(
    database_url: str, careless: OldService
) -> None:
    old = careless
    odd = old.talk(1, title="x" * 600, model_tag=None, is_favorited=None, created_at=None, updated_at=None)
    old.say(odd, 1, "assistant", content="begins with the assistant")
    old.say(odd, 2, "assistant", content="and repeats", token_count=-5, inference_time_ms=None)
    old.say(odd, 3, "USER", content="in capitals", created_at=None)
    old.say(odd, 4, "system", content="of the system", created_at=datetime.max)  # noqa: DTZ901 - beyond any zone
    old.say(odd, 5, "assistant", content="ü😀\x01" * 500_000)
    unknown = old.say(odd, 6, "tool")
    old.say(odd, 7, None)
    empty = old.say(odd, 8, "assistant", content="")
    old.say(odd, 9, content=None)
    huge = old.say(odd, 10, content="y" * (16 * 1024 * 1024 + 1))
    twice = old.say(odd, 11, content="first of two")
    old.say(odd, 11, content="second of two", created_at=at(12))
    old.say(odd, 13, id=None)
    orphan = old.say(UUID(int=0xDEAD), 14)
    old.say(None, 15)
    nobodys = old.talk(2, user=None)
    old.say(nobodys, 16)
    shared = old.talk(3)
    old.talk(3, user=BOB)
    secret = old.say(shared, 17, content="whose is this?")
    doubled = old.talk(4, created_at=at(0))
    old.talk(4, created_at=at(5), title="the copy")
    old.talk(5, id=None)
    elsewhere = old.talk(6)
    old.say(elsewhere, 11, content="the same id in another conversation")
    bobs = old.talk(7, user=BOB)
    old.say(bobs, 11, content="the same id for another user")

    report = await run(database_url)

    assert skipped(report.conversations) == {
        Skip.NO_USER: (1, [nobodys]),
        Skip.SEVERAL_USERS: (2, [shared]),
        Skip.REPEATED_ID: (1, [doubled]),
        Skip.NO_ID: (1, []),
    }
    assert skipped(report.messages) == {
        Skip.REPEATED_ID: (2, [twice]),
        Skip.NO_ID: (1, []),
        Skip.UNKNOWN_ROLE: (2, [unknown, UUID(int=7 << 64)]),
        Skip.NO_CONTENT: (2, [empty, UUID(int=9 << 64)]),
        Skip.HUGE_CONTENT: (1, [huge]),
        Skip.NO_CONVERSATION: (2, [orphan, UUID(int=15 << 64)]),
        Skip.SKIPPED_CONVERSATION: (2, [UUID(int=16 << 64), secret]),
    }
    assert (report.conversations.read, report.conversations.added) == (9, 4)
    assert (report.messages.read, report.messages.added) == (19, 7)
    assert report.notes == {Note.TITLE_CUT: 1, Note.NO_TIME: 3, Note.LONG_CONTENT: 1}
    async with chat_page(database_url) as page:
        shown = await page.open(ALICE, odd)
        assert await page.contents(ALICE, elsewhere) == []
        assert await page.contents(BOB, bobs) == ["the same id for another user"]
        assert (await page.open(ALICE, doubled))["title"] == "Talk 4"
    # What has no valid time comes last, as in the old service.
    assert [(message["role"], message["content"]) for message in shown["messages"]] == [
        ("assistant", "begins with the assistant"),
        ("assistant", "and repeats"),
        ("assistant", "ü😀\x01" * 500_000),
        ("user", "first of two"),
        ("user", "in capitals"),
        ("system", "of the system"),
    ]
    assert {(message["token_count"], message["inference_time_ms"]) for message in shown["messages"]} == {(0, 0)}
    assert {message["model_tag"] for message in shown["messages"]} == {"default"}
    times = [datetime.fromisoformat(message["created_at"]) for message in shown["messages"]]
    assert times == [at(1), at(2), at(5), at(11), at(11), at(11)]
    assert (shown["title"], shown["is_pinned"], shown["model_tag"]) == ("x" * 500, False, "default")
    assert (datetime.fromisoformat(shown["created_at"]), datetime.fromisoformat(shown["updated_at"])) == (at(1), at(11))


async def test_without_any_time_the_rows_get_that_of_the_import(database_url: str, careless: OldService) -> None:
    talk = careless.talk(1, created_at=None, updated_at=None)
    careless.say(talk, 2, content="second by id", created_at=None)
    careless.say(talk, 1, content="first by id", created_at=None)

    await run(database_url)

    async with chat_page(database_url) as page:
        shown = await page.open(ALICE, talk)
    assert [message["content"] for message in shown["messages"]] == ["first by id", "second by id"]
    assert {datetime.fromisoformat(message["created_at"]) for message in shown["messages"]} == {NOW}


async def test_a_second_import_adds_nothing(database_url: str, careless: OldService) -> None:
    talk = careless.talk(1)
    for number in range(1, 7):
        careless.say(talk, number, created_at=None if number == 3 else at(number))
    careless.say(talk, 6)
    careless.talk(2)
    first = await run(database_url)
    before = stored(database_url)

    second = await run(database_url)

    assert stored(database_url) == before
    assert (second.conversations.added, second.messages.added) == (0, 0)
    assert (second.conversations.present, second.messages.present) == (2, 6)
    assert skipped(second.messages) == skipped(first.messages) == {Skip.REPEATED_ID: (1, [UUID(int=6 << 64)])}


async def test_what_was_written_since_extends_the_conversation(database_url: str, old: OldService) -> None:
    talk = old.talk(1)
    old.say(talk, 1)
    await run(database_url)
    old.say(talk, 2, "assistant")
    old.say(talk, 3)
    old.execute("update conversations set updated_at = created_at + interval '90 minutes'")
    old.talk(2, updated_at=at(80))

    report = await run(database_url)

    assert (report.conversations.added, report.messages.added, report.notes) == (1, 2, {})
    async with chat_page(database_url) as page:
        assert await page.contents(ALICE, talk) == ["message 1", "message 2", "message 3"]
        assert [item["id"] for item in await page.listed(ALICE)] == [str(talk), str(UUID(int=2))]


async def test_a_conversation_that_was_continued_here_keeps_its_head(database_url: str, old: OldService) -> None:
    talk = old.talk(1)
    old.say(talk, 1)
    await run(database_url)
    async with chat_page(database_url) as page:
        await page.send(ALICE, talk, "here")
        before = await page.open(ALICE, talk)
        old.say(talk, 2, "assistant", content="there")
        old.say(talk, 3, content="there too")

        report = await run(database_url)

        assert (report.messages.added, report.notes) == (2, {Note.BESIDE_PATH: 2})
        after = await page.open(ALICE, talk)
        assert [message["id"] for message in after["messages"]] == [message["id"] for message in before["messages"]]
        assert [message["content"] for message in after["messages"][:2]] == ["message 1", "here"]
        # What was imported is another version of what was said here.
        assert after["messages"][1]["versions"] == [before["messages"][1]["id"], str(UUID(int=2 << 64))]
        assert (await run(database_url)).messages.added == 0
    messages = {str(row[1]): row for row in stored(database_url)["messages"]}
    assert [messages[str(UUID(int=number << 64))][3] for number in (2, 3)] == [
        UUID(int=1 << 64),
        UUID(int=2 << 64),
    ]


async def test_a_message_that_is_older_than_imported_ones_is_added_at_the_end(
    database_url: str, old: OldService
) -> None:
    talk = old.talk(1)
    old.say(talk, 1)
    old.say(talk, 5)
    old.say(talk, 9, created_at=None)
    await run(database_url)
    for number in (2, 3, 7):
        old.say(talk, number)

    report = await run(database_url)

    assert (report.messages.added, report.notes) == (3, {})
    async with chat_page(database_url) as page:
        assert await page.contents(ALICE, talk) == [f"message {number}" for number in (1, 5, 9, 2, 3, 7)]


async def test_a_message_whose_id_is_taken_here_is_skipped(database_url: str, old: OldService) -> None:
    talk = old.talk(1)
    old.say(talk, 1)
    await run(database_url)
    old.talk(2)
    old.execute("update messages set conversation_id = (select max(id::text)::uuid from conversations)")

    report = await run(database_url)

    assert skipped(report.messages) == {Skip.ID_TAKEN: (1, [UUID(int=1 << 64)])}


async def test_a_dry_run_reports_the_same_and_writes_nothing(database_url: str, careless: OldService) -> None:
    _fill(careless)
    dry = await run(database_url, is_dry=True)
    assert stored(database_url) == {"conversations": [], "messages": []}

    assert await run(database_url) == dry

    before = stored(database_url)
    careless.say(UUID(int=1), 50)
    careless.say(UUID(int=1), 14, created_at=at(51))
    dry = await run(database_url, is_dry=True)
    assert stored(database_url) == before
    assert (await run(database_url)) == dry
    assert dry.messages.added == 1


@pytest.mark.parametrize("read", range(1, 29, 4))
async def test_an_import_that_dies_leaves_whole_conversations_and_is_completed_by_the_next(
    read: int, database_url: str, careless: OldService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chatcore_postgres.samosachaat.importer.MAX_BATCH_MESSAGES", 3)
    monkeypatch.setattr("chatcore_postgres.samosachaat.importer._CONVERSATIONS_A_COMMIT", 2)
    _fill(careless)

    def die(done: int, _total: int) -> None:
        if done == read:
            raise _DeathError

    with pytest.raises(_DeathError):
        await run(database_url, on_progress=die)
    halfway = stored(database_url)
    await run(database_url)

    whole = stored(database_url)
    assert len(whole["messages"]) == 4 * 6
    for conversation in halfway["conversations"]:
        assert conversation in whole["conversations"]
    kept = {conversation[1] for conversation in halfway["conversations"]}
    assert halfway["messages"] == [row for row in whole["messages"] if row[2] in kept]


async def test_the_service_may_run_meanwhile(database_url: str, old: OldService) -> None:
    talks = [old.talk(number) for number in range(1, 9)]
    for number, talk in enumerate(talks):
        old.say(talk, 100 + number)
    await run(database_url)
    for number, talk in enumerate(talks):
        old.say(talk, 200 + number)

    async with chat_page(database_url) as page:
        async with asyncio.TaskGroup() as tasks:
            importing = tasks.create_task(run(database_url))
            for talk in talks:
                tasks.create_task(page.send(ALICE, talk, "here"))

        assert importing.result().messages.added == len(talks)
        for talk in talks:
            contents = await page.contents(ALICE, talk)
            assert "here" in contents
            # The imported message is on the path if it came first, and beside it if the turn did.
            assert len(contents) in {3, 4}
    assert len(stored(database_url)["messages"]) == 4 * len(talks)


async def test_two_imports_at_once_store_everything_once(database_url: str, old: OldService) -> None:
    _fill(old)

    results = await asyncio.gather(run(database_url), run(database_url), return_exceptions=True)

    assert any(isinstance(result, ImportReport) for result in results)
    await run(database_url)
    rows = stored(database_url)
    assert (len(rows["conversations"]), len(rows["messages"])) == (4, 24)
    assert sorted(row[4] for row in rows["messages"]) == sorted([1, 2, 3, 4, 5, 6] * 4)


class _DeathError(Exception):
    """Ends an import half-way."""


def _fill(old: OldService) -> None:
    for talk in range(1, 5):
        old.talk(talk)
        for number in range(1, 7):
            old.say(UUID(int=talk), 10 * talk + number)
