"""Tests the order of what a search finds, as a part of the storage contract."""

from attrs import evolve

from chatcore.conversations.conversation import Conversation
from chatcore.ports import Storage
from chatcore.ports.search import MAX_CANDIDATES, MAX_CONVERSATIONS
from chatcore.search.listing import BEGINNING, SearchPlace
from chatcore.search.query import SearchQuery
from chatcore.testing.samples import (
    ALICE,
    BOB,
    a_conversation,
    a_final_state,
    a_rename,
    a_turn,
    later,
)
from chatcore.testing.storage.search_steps import candidates_for, index_all
from chatcore.testing.storage.steps import StorageHooks, converse, create, end, lease_of


class SearchOrderContract(StorageHooks):
    """Tests the order and the places of what is found."""

    async def test_newest_conversations_and_messages_come_first_and_titles_last(self, storage: Storage) -> None:
        older, newer = await _two_about_walruses(storage)

        found = await candidates_for(storage, "walrus")

        assert [(candidate.conversation.id, candidate.position) for candidate in found] == [
            (newer.id, 2),
            (newer.id, 1),
            (newer.id, 0),
            (older.id, 2),
            (older.id, 1),
            (older.id, 0),
        ]

    async def test_every_place_continues_the_same_order(self, storage: Storage) -> None:
        await _two_about_walruses(storage)
        found = await candidates_for(storage, "walrus")

        for number, candidate in enumerate(found, 1):
            place = SearchPlace.decode(candidate.place.encode())
            assert await candidates_for(storage, "walrus", place) == found[number:]

    async def test_a_place_of_another_user_shows_nothing_of_theirs(self, storage: Storage) -> None:
        await _two_about_walruses(storage)
        place = (await candidates_for(storage, "walrus"))[0].place

        assert await candidates_for(storage, "walrus", place, BOB) == []

    async def test_a_search_returns_a_bounded_number_of_candidates(self, storage: Storage) -> None:
        busy = await create(storage)
        for _ in range(MAX_CANDIDATES):
            await converse(storage, busy, "walrus", "walrus")
        for number in range(MAX_CONVERSATIONS):
            await storage.create_conversation(evolve(a_conversation(at=later(-number - 1)), title="walrus"))
        await index_all(storage)

        terms = SearchQuery.parse("walrus").terms
        looked = await storage.find_candidates(ALICE, terms, BEGINNING)
        assert looked.next_place is not None
        rest = await storage.find_candidates(ALICE, terms, looked.next_place)

        assert len(looked.found) == MAX_CANDIDATES + MAX_CONVERSATIONS - 1
        assert (len(rest.found), rest.next_place) == (1, None)


async def _two_about_walruses(storage: Storage) -> tuple[Conversation, Conversation]:
    older, newer = (evolve(a_conversation(at=later(number)), title="Walruses") for number in (1, 2))
    for conversation, number in ((newer, 2), (older, 1)):
        await storage.create_conversation(conversation)
        lease = lease_of(await storage.begin_turn(a_turn(conversation, "A walrus", now=later(number))))
        await end(storage, lease, a_final_state("A walrus", at=later(number)))
        await storage.update_conversation(ALICE, conversation.id, a_rename("Walruses"))
    await index_all(storage)
    return older, newer
