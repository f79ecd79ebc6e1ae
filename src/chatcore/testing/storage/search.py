"""Tests search, as a part of the storage contract."""

import asyncio

from attrs import evolve

from chatcore.ports import Storage
from chatcore.search.listing import Candidate
from chatcore.search.terms import MAX_INDEXED_CHARS
from chatcore.testing.samples import (
    ALICE,
    BOB,
    a_conversation,
    a_final_state,
    a_fork,
    a_message_id,
    a_rename,
    a_turn,
    an_interruption,
    continuation_of,
)
from chatcore.testing.storage.search_steps import candidates_for, index_all, index_texts, places_of, walk
from chatcore.testing.storage.steps import StorageHooks, begin, converse, create, end, lease_of, stored
from chatcore.testing.storage.transfers import a_message
from chatcore.transfers.transferred import TransferredConversation


class SearchContract(StorageHooks):
    """Tests what waits for being indexed, and what is found."""

    async def test_messages_and_titles_are_found_when_they_are_indexed(self, storage: Storage) -> None:
        conversation = await create(storage)
        turn = await converse(storage, conversation, "What is a walrus?", "A large animal.")
        assert await places_of(storage, "walrus") == []

        await index_all(storage)

        assert await places_of(storage, "walrus") == [(conversation.id, turn.user_message.id)]
        assert await places_of(storage, "large") == [(conversation.id, turn.reply.id)]
        assert await places_of(storage, "title") == [(conversation.id, None)]
        assert await places_of(storage, "narwhal") == []

    async def test_a_candidate_has_the_conversation_as_it_is(self, storage: Storage) -> None:
        conversation = await create(storage)
        await begin(storage, conversation, a_turn(conversation, "walrus"))
        await index_all(storage)

        (candidate,) = await candidates_for(storage, "walrus")

        assert candidate == Candidate(await stored(storage, conversation), candidate.message_id, 1)
        assert candidate.conversation.active_reply_id is not None

    async def test_all_terms_must_be_in_one_text(self, storage: Storage) -> None:
        conversation = await create(storage)
        turn = await converse(storage, conversation, "black tea", "green coffee")
        await index_all(storage)

        assert await places_of(storage, "tea black") == [(conversation.id, turn.user_message.id)]
        assert await places_of(storage, "green tea") == []

    async def test_the_last_term_may_be_a_beginning_and_no_other(self, storage: Storage) -> None:
        conversation = await create(storage)
        await converse(storage, conversation, "Internationalisation is work", "Yes")
        await index_all(storage)

        assert len(await places_of(storage, "work intern")) == 1
        assert await places_of(storage, "intern work") == []

    async def test_terms_with_quotes_and_other_awkward_characters_are_found(self, storage: Storage) -> None:
        conversation = await create(storage)
        awkward = ["it's", "back\\slash", "a:*b", "北京大学", "👩‍👩‍👧", "naïve", "ﷺ", "a&b|c!d"]
        await converse(storage, conversation, " ".join(awkward), "Yes")
        await index_all(storage)

        assert [text for text in awkward if len(await places_of(storage, text)) != 1] == []

    async def test_a_reply_is_indexed_at_its_end_and_again_when_it_has_grown(self, storage: Storage) -> None:
        lease = await begin(storage)
        await index_all(storage)
        await end(storage, lease, an_interruption("one"))
        await index_all(storage)
        assert len(await places_of(storage, "one")) == 1

        continued = lease_of(await storage.begin_continuation(continuation_of(lease)))
        await index_all(storage)
        assert await places_of(storage, "one two") == []
        await end(storage, continued, a_final_state("one two"))
        await index_all(storage)

        assert len(await places_of(storage, "one two")) == 1

    async def test_an_empty_reply_waits_once(self, storage: Storage) -> None:
        await converse(storage, await create(storage), "Hello", "")

        await index_all(storage)

        assert not await storage.claim_pending(10)

    async def test_the_copies_of_a_fork_are_found(self, storage: Storage) -> None:
        source = await create(storage)
        await converse(storage, source, "walrus", "narwhal")
        await index_all(storage)
        fork = await storage.fork_conversation(a_fork(source))
        assert fork is not None

        await index_all(storage)

        for query in ("walrus", "narwhal", "title"):
            assert {id_ for id_, _ in await places_of(storage, query)} == {source.id, fork.id}

    async def test_texts_of_two_users_with_the_same_ids_are_apart(self, storage: Storage) -> None:
        alices = a_turn(await create(storage), "black")
        bobs = evolve(alices, user_id=BOB, content="green")
        await storage.create_conversation(evolve(a_conversation(), id=alices.conversation_id, user_id=BOB))
        for turn in (alices, bobs):
            await storage.begin_turn(turn)
        await storage.update_conversation(BOB, alices.conversation_id, a_rename("Another"))
        await index_all(storage)

        message = (alices.conversation_id, alices.user_message_id)
        assert [await places_of(storage, word) for word in ("black", "green", "another")] == [[message], [], []]
        title = (alices.conversation_id, None)
        assert [await places_of(storage, word, BOB) for word in ("green", "another")] == [[message], [title]]
        assert await places_of(storage, "black", BOB) == []

    async def test_a_title_is_found_by_its_present_words(self, storage: Storage) -> None:
        conversation = await create(storage)
        await index_all(storage)
        await storage.update_conversation(ALICE, conversation.id, a_rename("Walruses"))
        await index_all(storage)

        assert await places_of(storage, "conversation") == []
        assert await places_of(storage, "walrus") == [(conversation.id, None)]

    async def test_a_title_of_the_model_is_found(self, storage: Storage) -> None:
        conversation = await create(storage)
        await storage.begin_turn(a_turn(conversation, "Hello"))
        await index_all(storage)
        await storage.replace_auto_title(ALICE, conversation.id, old="A title", new="Walruses")
        await index_all(storage)

        assert await places_of(storage, "walrus") == [(conversation.id, None)]

    async def test_what_is_deleted_is_not_found(self, storage: Storage) -> None:
        conversation = await create(storage)
        await converse(storage, conversation, "walrus", "walrus")
        await index_all(storage)

        await storage.delete_conversation(ALICE, conversation.id)

        assert await places_of(storage, "walrus") == []

    async def test_what_is_deleted_while_it_is_indexed_harms_no_other(self, storage: Storage) -> None:
        gone, kept = await create(storage), await create(storage)
        await converse(storage, gone, "walrus", "walrus")
        await converse(storage, kept, "walrus", "Yes")
        pending = await storage.claim_pending(100)
        await storage.delete_conversation(ALICE, gone.id)

        await index_texts(storage, pending)

        assert [id_ for id_, _ in await places_of(storage, "walrus")] == [kept.id]
        assert not await storage.claim_pending(10)

    async def test_a_deleted_text_waits_no_longer_than_for_one_look(self, storage: Storage) -> None:
        conversation = await create(storage)
        await converse(storage, conversation, "walrus", "walrus")
        await storage.delete_conversation(ALICE, conversation.id)

        await index_all(storage)

        assert not await storage.claim_pending(10)

    async def test_a_text_that_has_grown_meanwhile_waits_again(self, storage: Storage) -> None:
        lease = await begin(storage)
        await index_all(storage)
        await end(storage, lease, an_interruption("one"))
        first = await storage.claim_pending(10)
        continued = lease_of(await storage.begin_continuation(continuation_of(lease)))
        await end(storage, continued, a_final_state("one two"))
        second = await storage.claim_pending(10)

        await index_texts(storage, second)
        await index_texts(storage, first)
        await index_all(storage)

        assert len(await places_of(storage, "one two")) == 1

    async def test_what_is_claimed_is_not_claimed_again(self, storage: Storage) -> None:
        conversation = await create(storage)
        await converse(storage, conversation, "one", "two")

        claims = await asyncio.gather(*(storage.claim_pending(100) for _ in range(4)))

        seen = [pending.message_id for claimed in claims for pending in claimed if pending.message_id is not None]
        assert len(seen) == len(set(seen)) == 2
        assert not await storage.claim_pending(100)

    async def test_the_newest_text_is_claimed_first(self, storage: Storage) -> None:
        conversation = await create(storage)
        await converse(storage, conversation, "first", "second")

        (pending,) = await storage.claim_pending(1)

        assert pending.text == "second"

    async def test_no_more_of_a_text_is_read_than_is_indexed(self, storage: Storage) -> None:
        conversation = await create(storage)
        long = "ß" * (MAX_INDEXED_CHARS - 3) + " walrus"
        turn = await converse(storage, conversation, "Hello", long)

        texts = [pending.text for pending in await storage.claim_pending(10)]
        read = await storage.read_indexed_texts(ALICE, [turn.reply.id])

        assert long[:MAX_INDEXED_CHARS] in texts
        assert read == {turn.reply.id: long[:MAX_INDEXED_CHARS]}

    async def test_a_text_with_very_many_terms_is_indexed(self, storage: Storage) -> None:
        conversation = await create(storage)
        reply = "".join(chr(0x20000 + (7919 * number) % 40_000) for number in range(MAX_INDEXED_CHARS))
        turn = await converse(storage, conversation, " ".join(f"{'x' * 30}{n:04}" for n in range(200)), reply)

        await index_all(storage)

        assert await places_of(storage, reply[:20]) == [(conversation.id, turn.reply.id)]
        assert await places_of(storage, "x" * 30 + "0123") == [(conversation.id, turn.user_message.id)]

    async def test_a_walk_finds_nothing_where_all_is_indexed(self, storage: Storage) -> None:
        await converse(storage, await create(storage), "one", "two")
        await index_all(storage)

        assert await walk(storage) == 0

    async def test_each_user_finds_their_own(self, storage: Storage) -> None:
        alices, bobs = await create(storage), await create(storage, BOB)
        for conversation in (alices, bobs):
            await converse(storage, conversation, "walrus", "Yes")
        await index_all(storage)

        assert [id_ for id_, _ in await places_of(storage, "walrus")] == [alices.id]
        assert [id_ for id_, _ in await places_of(storage, "walrus", BOB)] == [bobs.id]
        assert await places_of(storage, "walrus", "alice2") == []

    async def test_texts_of_another_user_are_not_read(self, storage: Storage) -> None:
        turn = await converse(storage, await create(storage), "walrus", "Yes")

        ids = [turn.user_message.id, a_message_id()]
        assert await storage.read_indexed_texts(BOB, ids) == {}
        assert await storage.read_indexed_texts(ALICE, ids) == {turn.user_message.id: "walrus"}
        assert await storage.read_indexed_texts(ALICE, []) == {}

    async def test_what_is_imported_is_found(self, storage: Storage) -> None:
        conversation = evolve(a_conversation(), title="Sea animals")
        message = a_message(conversation, 1, content="A walrus")
        await storage.add_conversation(TransferredConversation(conversation=conversation, messages=[message]))
        await index_all(storage)

        assert await places_of(storage, "walrus") == [(conversation.id, message.id)]
        assert await places_of(storage, "animals") == [(conversation.id, None)]
        assert await walk(storage) == 0
