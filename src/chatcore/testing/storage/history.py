"""Tests the history that is returned with a new reply, as a part of the storage contract."""

from collections.abc import Iterable

from attrs import evolve

from chatcore.conversations.changes import ConversationChanges
from chatcore.conversations.conversation import Conversation
from chatcore.conversations.message import Message
from chatcore.ports import Storage
from chatcore.testing.samples import (
    ALICE,
    AWKWARD_TEXT,
    a_conversation,
    a_failure,
    a_final_state,
    a_key,
    a_regeneration,
    a_turn,
    an_interruption,
)
from chatcore.testing.storage.steps import StorageHooks, converse, create, end, lease_of, messages_of


class HistoryContract(StorageHooks):
    """Tests that the history has the newest messages of the active path, oldest first, and the instructions."""

    async def test_it_ends_with_the_message_to_be_answered(self, storage: Storage) -> None:
        conversation = await create(storage)

        accepted = await storage.begin_turn(a_turn(conversation, AWKWARD_TEXT))

        assert accepted.history == (accepted.user_message,)

    async def test_it_holds_the_whole_path_in_order_when_that_fits(self, storage: Storage) -> None:
        conversation = await create(storage)
        for number in range(6):
            await converse(storage, conversation, f"question {number}", f"answer {number}")
        earlier = await messages_of(storage, conversation)

        accepted = await storage.begin_turn(evolve(a_turn(conversation, "last"), history_limit=13))

        assert accepted.history == (*earlier, accepted.user_message)

    async def test_it_holds_the_newest_when_the_path_is_longer(self, storage: Storage) -> None:
        conversation = await create(storage)
        for number in range(4):
            await converse(storage, conversation, f"question {number}", f"answer {number}")

        accepted = await storage.begin_turn(evolve(a_turn(conversation, "last"), history_limit=4))

        assert _contents(accepted.history) == ["answer 2", "question 3", "answer 3", "last"]

    async def test_a_limit_of_one_is_the_message_alone(self, storage: Storage) -> None:
        conversation = await create(storage)
        await converse(storage, conversation, "one", "two")

        accepted = await storage.begin_turn(evolve(a_turn(conversation, "three"), history_limit=1))

        assert accepted.history == (accepted.user_message,)

    async def test_a_regeneration_is_shown_the_path_without_the_reply_it_replaces(self, storage: Storage) -> None:
        conversation = await create(storage)
        await converse(storage, conversation, "one", "two")
        await converse(storage, conversation, "three", "four")

        accepted = await storage.begin_regeneration(a_regeneration(conversation))

        assert _contents(accepted.history) == ["one", "two", "three"]

    async def test_a_regeneration_keeps_to_the_limit(self, storage: Storage) -> None:
        conversation = await create(storage)
        await converse(storage, conversation, "one", "two")
        await converse(storage, conversation, "three", "four")

        accepted = await storage.begin_regeneration(evolve(a_regeneration(conversation), history_limit=2))

        assert _contents(accepted.history) == ["two", "three"]

    async def test_replies_of_other_branches_are_left_out(self, storage: Storage) -> None:
        conversation = await create(storage)
        await converse(storage, conversation, "one", "two")
        regenerated = await storage.begin_regeneration(a_regeneration(conversation))
        await end(storage, lease_of(regenerated), a_final_state("zwei"))
        await converse(storage, conversation, "three", "four")
        again = await storage.begin_regeneration(a_regeneration(conversation))
        await end(storage, lease_of(again), a_final_state("vier"))

        accepted = await storage.begin_turn(a_turn(conversation, "five"))

        assert _contents(accepted.history) == ["one", "zwei", "three", "vier", "five"]

    async def test_the_limit_counts_the_branch_and_not_the_positions(self, storage: Storage) -> None:
        conversation = await create(storage)
        await converse(storage, conversation, "one", "two")
        for number in range(5):
            regenerated = await storage.begin_regeneration(a_regeneration(conversation))
            await end(storage, lease_of(regenerated), a_final_state(f"two again {number}"))

        accepted = await storage.begin_turn(evolve(a_turn(conversation, "three"), history_limit=3))

        assert _contents(accepted.history) == ["one", "two again 4", "three"]

    async def test_a_failed_reply_is_left_out_and_its_question_is_not(self, storage: Storage) -> None:
        conversation = await create(storage)
        failed = await storage.begin_turn(a_turn(conversation, "one"))
        await end(storage, lease_of(failed), a_failure())

        accepted = await storage.begin_turn(a_turn(conversation, "two"))

        assert _contents(accepted.history) == ["one", "two"]

    async def test_the_instructions_come_with_every_new_reply(self, storage: Storage) -> None:
        conversation = await _create_instructed(storage)

        first = await storage.begin_turn(a_turn(conversation, "one"))
        await end(storage, lease_of(first), a_final_state("two"))
        second = await storage.begin_turn(a_turn(conversation, "three"))
        await end(storage, lease_of(second), a_final_state("four"))
        alone = await storage.begin_turn(evolve(a_turn(conversation, "five"), history_limit=1))
        await end(storage, lease_of(alone), a_final_state("six"))
        regenerated = await storage.begin_regeneration(a_regeneration(conversation))
        running_id = lease_of(regenerated).message_id
        interrupting = await storage.interrupt(a_turn(conversation, "seven"), running_id, lambda _: an_interruption())

        accepted = (first, second, alone, regenerated, interrupting)
        assert [each.instructions for each in accepted] == [AWKWARD_TEXT] * 5

    async def test_a_conversation_without_instructions_returns_none(self, storage: Storage) -> None:
        conversation = await create(storage)
        turn = await converse(storage, conversation, "one", "two")

        regenerated = await storage.begin_regeneration(a_regeneration(conversation))

        assert (turn.instructions, regenerated.instructions) == (None, None)

    async def test_the_instructions_of_a_reply_are_those_at_its_begin(self, storage: Storage) -> None:
        conversation = await _create_instructed(storage)
        await converse(storage, conversation, "one", "two")

        await storage.update_conversation(ALICE, conversation.id, ConversationChanges(instructions="Rhyme."))
        changed = await storage.begin_regeneration(a_regeneration(conversation))
        await end(storage, lease_of(changed), a_final_state("zwei"))
        await storage.update_conversation(ALICE, conversation.id, ConversationChanges(instructions=None))
        cleared = await storage.begin_turn(a_turn(conversation, "three"))

        assert (changed.instructions, cleared.instructions) == ("Rhyme.", None)

    async def test_a_repeat_by_the_owner_returns_the_instructions_again(self, storage: Storage) -> None:
        conversation = await _create_instructed(storage)
        turn = a_turn(conversation, "one")
        accepted = await storage.begin_turn(turn)
        repeated = await storage.begin_turn(turn)
        await end(storage, lease_of(accepted), a_final_state("two"))
        regeneration = a_regeneration(conversation)
        await storage.begin_regeneration(regeneration)

        repeated_regeneration = await storage.begin_regeneration(regeneration)

        assert repeated == accepted
        assert repeated_regeneration.instructions == AWKWARD_TEXT

    async def test_without_a_lease_there_is_neither_a_history_nor_instructions(self, storage: Storage) -> None:
        conversation = await _create_instructed(storage)
        await storage.begin_turn(evolve(a_turn(conversation, "one"), idempotency_key=a_key()))

        replayed = await storage.begin_turn(evolve(a_turn(conversation, "one"), idempotency_key=a_key()))

        assert (replayed.lease, replayed.history, replayed.instructions) == (None, (), None)


async def _create_instructed(storage: Storage) -> Conversation:
    conversation = evolve(a_conversation(), instructions=AWKWARD_TEXT)
    await storage.create_conversation(conversation)
    return conversation


def _contents(history: Iterable[Message]) -> list[str]:
    return [message.content for message in history]
