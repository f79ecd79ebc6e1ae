"""Tests the beginning of turns, as a part of the storage contract."""

import asyncio

import pytest
from attrs import evolve

from chatcore.conversations.conversation import DEFAULT_TITLE, TitleSource
from chatcore.conversations.message import Message, Role, Status
from chatcore.errors import ConversationNotFoundError, GenerationInProgressError
from chatcore.ports import AcceptedTurn, Storage
from chatcore.replies.lease import Lease, LeaseStatus
from chatcore.testing.samples import (
    ALICE,
    AWKWARD_TEXT,
    BOB,
    a_conversation,
    a_failure,
    a_final_state,
    a_rename,
    a_turn,
    an_interruption,
    later,
    progress,
)
from chatcore.testing.storage.steps import (
    StorageHooks,
    begin,
    checkpoint,
    converse,
    create,
    end,
    lease_of,
    messages_of,
    reopen,
    stored,
)


class TurnsContract(StorageHooks):
    """Tests which rows a turn stores, when a turn is refused, and how simultaneous turns end."""

    async def test_a_turn_stores_the_message_and_an_empty_reply(self, storage: Storage) -> None:
        conversation = evolve(a_conversation(), model_tag="eliza")
        await storage.create_conversation(conversation)
        turn = a_turn(conversation, AWKWARD_TEXT, now=later(1))

        accepted = await storage.begin_turn(turn)

        assert accepted.user_message == Message(
            id=turn.user_message_id,
            conversation_id=conversation.id,
            user_id=ALICE,
            parent_id=None,
            position=1,
            role=Role.USER,
            content=AWKWARD_TEXT,
            created_at=later(1),
            model_tag="eliza",
        )
        assert accepted.reply == Message(
            id=turn.reply_id,
            conversation_id=conversation.id,
            user_id=ALICE,
            parent_id=turn.user_message_id,
            position=2,
            role=Role.ASSISTANT,
            content="",
            status=Status.STREAMING,
            token_count=None,
            model_tag="eliza",
            inference_time_ms=None,
            created_at=later(1),
        )
        assert await messages_of(storage, conversation) == (accepted.user_message, accepted.reply)

    async def test_a_turn_grants_the_first_lease_to_its_owner(self, storage: Storage) -> None:
        conversation = await create(storage)
        turn = a_turn(conversation)

        accepted = await storage.begin_turn(turn)

        assert accepted.lease == Lease(
            user_id=ALICE,
            conversation_id=conversation.id,
            message_id=turn.reply_id,
            owner_id=turn.owner_id,
            epoch=1,
        )

    async def test_a_turn_moves_head_title_and_updated_at(self, storage: Storage) -> None:
        conversation = await create(storage)
        turn = evolve(a_turn(conversation, now=later(1)), title=AWKWARD_TEXT)

        await storage.begin_turn(turn)

        assert await stored(storage, conversation) == evolve(
            conversation,
            head_id=turn.reply_id,
            title=AWKWARD_TEXT,
            title_source=TitleSource.AUTO,
            updated_at=later(1),
            active_reply_id=turn.reply_id,
        )

    async def test_updated_at_never_moves_backwards(self, storage: Storage) -> None:
        conversation = await create(storage)

        lease = await begin(storage, turn=a_turn(conversation, now=later(-1)))
        await end(storage, lease, a_final_state(at=later(-2)))

        assert (await stored(storage, conversation)).updated_at == conversation.updated_at

    async def test_a_turn_without_a_title_leaves_the_default_to_the_next_turn(self, storage: Storage) -> None:
        conversation = await create(storage)
        await end(storage, await begin(storage, turn=evolve(a_turn(conversation), title=None)), a_final_state())
        before = await stored(storage, conversation)

        await begin(storage, turn=evolve(a_turn(conversation), title="Second"))

        after = await stored(storage, conversation)
        assert (before.title, before.title_source) == (DEFAULT_TITLE, TitleSource.DEFAULT)
        assert (after.title, after.title_source) == ("Second", TitleSource.AUTO)

    async def test_the_title_is_set_by_the_first_message_only(self, storage: Storage) -> None:
        conversation = await create(storage)
        await end(storage, await begin(storage, turn=evolve(a_turn(conversation), title="First")), a_final_state())

        await begin(storage, turn=evolve(a_turn(conversation), title="Second"))

        assert (await stored(storage, conversation)).title == "First"

    async def test_a_title_that_the_user_chose_is_never_overwritten(self, storage: Storage) -> None:
        named = evolve(a_conversation(), title=DEFAULT_TITLE, title_source=TitleSource.USER)
        renamed = a_conversation()
        for conversation in (named, renamed):
            await storage.create_conversation(conversation)
        await storage.update_conversation(ALICE, renamed.id, a_rename("Mine"))

        for conversation, title in ((named, DEFAULT_TITLE), (renamed, "Mine")):
            await begin(storage, conversation)
            after = await stored(storage, conversation)
            assert (after.title, after.title_source) == (title, TitleSource.USER)

    async def test_the_next_turn_follows_the_last_reply(self, storage: Storage) -> None:
        conversation = await create(storage)
        first = await converse(storage, conversation, "one", "two")

        second = await storage.begin_turn(a_turn(conversation, "three"))

        assert second.user_message.parent_id == first.reply.id
        assert [m.position for m in await messages_of(storage, conversation)] == [1, 2, 3, 4]

    async def test_a_turn_after_a_failed_reply_follows_the_unanswered_message(self, storage: Storage) -> None:
        conversation = await create(storage)
        first = await storage.begin_turn(a_turn(conversation))
        await end(storage, lease_of(first), a_failure())

        second = await storage.begin_turn(a_turn(conversation, "Anybody there?"))

        assert second.user_message.parent_id == first.user_message.id
        assert (second.user_message.position, second.reply.position) == (3, 4)
        assert second.history == (first.user_message, second.user_message)

    async def test_a_turn_after_a_reply_that_broke_off_or_was_stopped_follows_that(self, storage: Storage) -> None:
        for final_state in (an_interruption(), evolve(an_interruption(""), status=Status.STOPPED)):
            conversation = await create(storage)
            lease = await begin(storage, conversation)
            await end(storage, lease, final_state)

            second = await storage.begin_turn(a_turn(conversation))

            assert second.user_message.parent_id == lease.message_id

    async def test_a_conversation_makes_one_reply_at_a_time(self, storage: Storage) -> None:
        conversation = await create(storage)
        running = await begin(storage, conversation)
        before = await reopen(storage, conversation)

        with pytest.raises(GenerationInProgressError) as refusal:
            await storage.begin_turn(a_turn(conversation, now=later(1)))

        assert refusal.value.conversation_id == conversation.id
        assert refusal.value.message_id == running.message_id
        assert await reopen(storage, conversation) == before

    async def test_of_many_turns_at_once_one_wins_and_the_others_learn_which(self, storage: Storage) -> None:
        conversation = await create(storage)
        turns = [a_turn(conversation, f"number {number}") for number in range(20)]

        outcomes = await asyncio.gather(*map(storage.begin_turn, turns), return_exceptions=True)

        (winner,) = [outcome for outcome in outcomes if isinstance(outcome, AcceptedTurn)]
        losers = [outcome for outcome in outcomes if isinstance(outcome, GenerationInProgressError)]
        assert len(losers) == 19, outcomes
        assert {loser.message_id for loser in losers} == {winner.reply.id}
        assert await messages_of(storage, conversation) == (winner.user_message, winner.reply)

    async def test_positions_have_no_gaps_after_many_contests(self, storage: Storage) -> None:
        conversation = await create(storage)
        for _ in range(4):
            turns = [a_turn(conversation) for _ in range(5)]
            outcomes = await asyncio.gather(*map(storage.begin_turn, turns), return_exceptions=True)
            (winner,) = [outcome for outcome in outcomes if isinstance(outcome, AcceptedTurn)]
            await end(storage, lease_of(winner), a_final_state())

        messages = await messages_of(storage, conversation)

        assert [m.position for m in messages] == list(range(1, 9))
        assert [m.parent_id for m in messages] == [None, *(m.id for m in messages[:-1])]

    async def test_turns_in_different_conversations_do_not_disturb_each_other(self, storage: Storage) -> None:
        conversations = [await create(storage, user_id) for user_id in (ALICE, BOB) * 10]

        accepted = await asyncio.gather(*(storage.begin_turn(a_turn(c, str(c.id))) for c in conversations))

        for conversation, turn in zip(conversations, accepted, strict=True):
            assert turn.user_message.content == str(conversation.id)
            assert await messages_of(storage, conversation) == (turn.user_message, turn.reply)

    async def test_a_turn_and_a_deletion_at_once_leave_nothing_behind(self, storage: Storage) -> None:
        for _ in range(5):
            conversation = await create(storage)
            _, outcome = await asyncio.gather(
                storage.delete_conversation(ALICE, conversation.id),
                storage.begin_turn(a_turn(conversation)),
                return_exceptions=True,
            )
            if isinstance(outcome, AcceptedTurn):
                assert await checkpoint(storage, progress(lease_of(outcome), "text")) is LeaseStatus.LOST
            else:
                assert isinstance(outcome, ConversationNotFoundError)
            with pytest.raises(ConversationNotFoundError):
                await reopen(storage, conversation)
