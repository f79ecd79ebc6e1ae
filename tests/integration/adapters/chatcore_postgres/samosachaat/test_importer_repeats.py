"""An import can be repeated, also after one that died, while either service runs, and adds what is new."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
from tests.integration.adapters.chatcore_postgres.samosachaat.chat_page import chat_page
from tests.integration.adapters.chatcore_postgres.samosachaat.importing import run, skipped, stored
from tests.integration.adapters.chatcore_postgres.samosachaat.old_service import ALICE, OldService, at

from chatcore_postgres.samosachaat import ImportReport
from chatcore_postgres.samosachaat.report import Note, Skip


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
