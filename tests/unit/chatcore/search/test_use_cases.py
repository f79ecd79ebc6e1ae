"""Tests searching for conversations."""

import pytest
from attrs import evolve

from chatcore import Conversation, User
from chatcore.errors import InvalidInputError, StorageUnavailableError
from chatcore.ports.search import Candidates
from chatcore.search import use_cases
from chatcore.search.listing import BEGINNING, MAX_SEARCH_PAGE, SearchResult
from chatcore.search.query import QueryTerm
from chatcore.search.use_cases import Search
from chatcore.testing.samples import ALICE, BOB, a_conversation, a_rename, later
from chatcore.testing.storage.search_steps import index_all
from chatcore.testing.storage.steps import converse
from chatcore_memory import FrozenClock, InMemoryStorage

_ALICE = User(id=ALICE)


@pytest.fixture
def storage() -> InMemoryStorage:
    return InMemoryStorage(FrozenClock())


@pytest.fixture
def search(storage: InMemoryStorage) -> Search:
    return Search(index=storage)


async def _store(storage: InMemoryStorage, *texts: str, at: float = 0, title: str = "A talk") -> Conversation:
    """Stores a conversation with a reply for each text."""
    conversation = evolve(a_conversation(at=later(at)), title=title)
    await storage.create_conversation(conversation)
    for text in texts:
        await converse(storage, conversation, "What?", text)
    await storage.update_conversation(ALICE, conversation.id, a_rename(title))
    await index_all(storage)
    return conversation


async def _all(search: Search, query: str, *, limit: int) -> list[list[SearchResult]]:
    """Returns all pages."""
    pages = [await search.find(_ALICE, query, limit=limit)]
    while (cursor := pages[-1].next_cursor) is not None:
        pages.append(await search.find(_ALICE, query, limit=limit, cursor=cursor))
    return [list(page.results) for page in pages]


async def test_a_conversation_is_one_result_with_its_newest_message(storage: InMemoryStorage, search: Search) -> None:
    conversation = await _store(storage, "A walrus", "The walrus again", "Nothing", title="Walrus")

    page = await search.find(_ALICE, "walrus")

    (result,) = page.results
    assert (result.conversation.id, result.snippet.text) == (conversation.id, "The walrus again")
    assert (result.snippet.highlights, page.next_cursor) == (((4, 10),), None)


async def test_a_title_is_a_result_without_a_message(storage: InMemoryStorage, search: Search) -> None:
    await _store(storage, "Nothing", title="All walruses")

    (result,) = (await search.find(_ALICE, "walrus")).results

    assert (result.message_id, result.snippet.text) == (None, "All walruses")


async def test_words_that_are_not_in_one_piece_do_not_count(storage: InMemoryStorage, search: Search) -> None:
    # The last one is found only when all newer candidates are read.
    await _store(storage, "Use node.js", *["A node in js"] * 20)
    await _store(storage, "js node", title="js of node")

    pages = await _all(search, "node.js", limit=10)

    assert [result.snippet.text for page in pages for result in page] == ["Use node.js"]


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
async def test_pages_neither_skip_nor_repeat(storage: InMemoryStorage, search: Search, limit: int) -> None:
    made = [await _store(storage, *["walrus"] * (number % 3), at=number, title="Walrus") for number in range(6)]

    pages = await _all(search, "walrus", limit=limit)

    assert [result.conversation.id for page in pages for result in page] == [c.id for c in reversed(made)]
    assert all(len(page) == limit for page in pages[:-1])


async def test_a_page_ends_early_where_much_was_read(
    storage: InMemoryStorage, search: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(use_cases, "_MAX_READ_CHARS", 30)
    await _store(storage, "Use node.js", *["A node in js"] * 20)

    pages = await _all(search, "node.js", limit=10)

    assert [len(page) for page in pages if page] == [1]
    assert len(pages) > 4


async def test_a_text_that_changed_since_it_was_indexed_is_shown_as_it_is(
    storage: InMemoryStorage, search: Search
) -> None:
    conversation = await _store(storage, title="Walruses")
    await storage.update_conversation(ALICE, conversation.id, a_rename("Narwhals"))

    assert (await search.find(_ALICE, "walrus")).results == ()


@pytest.mark.parametrize("query", ["?!", "«»", "\u200b"])
async def test_a_query_without_words_finds_nothing(storage: InMemoryStorage, search: Search, query: str) -> None:
    await _store(storage, "Really?! «»")
    storage.outage = True

    assert (await search.find(_ALICE, query)).results == ()


async def test_nothing_of_another_user_is_found(storage: InMemoryStorage, search: Search) -> None:
    await _store(storage, "walrus", title="Walrus")

    assert (await search.find(User(id=BOB), "walrus")).results == ()


@pytest.mark.parametrize("limit", [0, MAX_SEARCH_PAGE + 1])
async def test_a_limit_out_of_its_range_is_refused(search: Search, limit: int) -> None:
    with pytest.raises(InvalidInputError, match="limit"):
        await search.find(_ALICE, "walrus", limit=limit)


async def test_an_outage_is_reported(storage: InMemoryStorage, search: Search) -> None:
    storage.outage = True

    with pytest.raises(StorageUnavailableError):
        await search.find(_ALICE, "walrus")


async def test_a_message_that_is_deleted_while_it_is_read_is_no_result(
    storage: InMemoryStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    conversation = await _store(storage, "walrus")
    found = await storage.find_candidates(ALICE, [QueryTerm("walrus")], BEGINNING)
    assert found.found
    await storage.delete_conversation(ALICE, conversation.id)

    async def stale(*_: object) -> Candidates:
        monkeypatch.undo()
        return found

    monkeypatch.setattr(storage, "find_candidates", stale)
    assert (await Search(index=storage).find(_ALICE, "walrus")).results == ()
