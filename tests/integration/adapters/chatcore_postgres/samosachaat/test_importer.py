"""What an import brings from a database of a samosachaat service, as users see it afterwards."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from tests.integration.adapters.chatcore_postgres.samosachaat.chat_page import chat_page
from tests.integration.adapters.chatcore_postgres.samosachaat.importing import NOW, run, skipped
from tests.integration.adapters.chatcore_postgres.samosachaat.old_service import ALICE, BOB, OldService, at

from chatcore import User
from chatcore.search.use_cases import Search
from chatcore.testing.storage.search_steps import index_all
from chatcore_postgres import PostgresStorage
from chatcore_postgres.samosachaat import TableCounts
from chatcore_postgres.samosachaat.report import Note, Skip


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


async def test_what_was_imported_is_found_by_its_words(database_url: str, old: OldService) -> None:
    answer = old.say(old.talk(1, title="Pancakes"), 1, "assistant", content="Flour, eggs, milk.")
    await run(database_url)
    old.say(UUID(int=1), 2, content="And sugar?")
    await run(database_url)

    async with PostgresStorage(database_url) as storage:
        await index_all(storage)
        search = Search(index=storage)
        found = [await search.find(User(id=str(ALICE)), query) for query in ("pancakes", "eggs", "sug")]

    assert [len(page.results) for page in found] == [1, 1, 1]
    assert [page.results[0].message_id for page in found[:2]] == [None, answer]


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
