"""Tests the history that is returned with a new reply, as a part of the storage contract."""

from collections.abc import Iterable

from attrs import evolve

from chatcore.conversations.message import Message
from chatcore.ports import Storage
from chatcore.testing.samples import AWKWARD_TEXT, a_failure, a_final_state, a_regeneration, a_turn
from chatcore.testing.storage.steps import StorageHooks, converse, create, end, lease_of, messages_of


class HistoryContract(StorageHooks):
    """Tests that the history has the newest messages of the active path, oldest first."""

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


def _contents(history: Iterable[Message]) -> list[str]:
    return [message.content for message in history]
