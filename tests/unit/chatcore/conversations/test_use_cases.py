"""Tests the use cases of conversations over memory."""

import asyncio
from uuid import uuid4

import pytest
from tests.unit.conftest import ADA, BOB, World, has_ended, until

from chatcore.conversations.changes import ConversationChanges
from chatcore.conversations.conversation import Conversation, TitleSource
from chatcore.conversations.message import ConversationId
from chatcore.conversations.use_cases import Conversations
from chatcore.errors import ConversationNotFoundError, InvalidInputError, StorageUnavailableError
from chatcore.ports import NewFork


@pytest.mark.parametrize(
    ("given", "shown", "source"),
    [
        (None, "New conversation", TitleSource.DEFAULT),
        ("", "New conversation", TitleSource.DEFAULT),
        ("New chat", "New chat", TitleSource.DEFAULT),
        ("  ", "New conversation", TitleSource.DEFAULT),
        ("\u200b\u202e", "New conversation", TitleSource.DEFAULT),
        ("Holidays", "Holidays", TitleSource.USER),
    ],
)
async def test_a_title_is_the_users_unless_it_stands_for_none(
    world: World, given: str | None, shown: str, source: TitleSource
) -> None:
    created = await world.chat.conversations.create(ADA, title=given)

    assert (created.title, created.title_source) == (shown, source)


async def test_a_conversation_is_created_once_under_an_id_of_the_callers_choice(world: World) -> None:
    id_ = ConversationId(uuid4())

    first, second, bobs = [
        await world.chat.conversations.create_once(user, id_, title=title)
        for user, title in ((ADA, "First"), (ADA, "Second"), (BOB, "Bob's"))
    ]

    assert (first.is_new, second.is_new, bobs.is_new) == (True, False, True)
    assert first.conversation == second.conversation == await world.chat.conversations.get(ADA, id_)
    assert (bobs.conversation.title, bobs.conversation.user_id) == ("Bob's", BOB.id)


async def test_a_conversation_that_is_deleted_during_a_repeat_is_created_anew(world: World) -> None:
    id_ = ConversationId(uuid4())
    await world.chat.conversations.create_once(ADA, id_, title="Old")

    created, _ = await asyncio.gather(
        world.chat.conversations.create_once(ADA, id_, title="New"), world.chat.conversations.delete(ADA, id_)
    )

    assert (created.is_new, created.conversation.title) == (True, "New")
    assert await world.chat.conversations.get(ADA, id_) == created.conversation


async def test_a_fork_whose_answer_was_lost_is_repeated_by_its_id(world: World) -> None:
    source = await world.conversation()
    id_ = ConversationId(uuid4())

    first = await world.chat.conversations.fork(ADA, source.id, new_id=id_)
    again = await world.chat.conversations.fork(ADA, source.id, new_id=id_)
    other = await world.chat.conversations.fork(ADA, source.id)

    assert (first.is_new, again.is_new, other.is_new) == (True, False, True)
    assert first.conversation == again.conversation
    assert other.conversation.id not in {id_, source.id}


async def test_a_fork_that_the_storage_stored_in_a_call_whose_answer_was_lost_is_found(world: World) -> None:
    source = await world.conversation()
    fork_once = world.storage.fork_conversation

    async def fork_twice(new: NewFork) -> Conversation | None:
        await fork_once(new)
        return await fork_once(new)

    world.storage.fork_conversation = fork_twice  # type: ignore[method-assign]  # a storage that repeats calls itself
    id_ = ConversationId(uuid4())
    made = await world.chat.conversations.fork(ADA, source.id)
    chosen = await world.chat.conversations.fork(ADA, source.id, new_id=id_)

    assert (made.is_new, chosen.is_new, chosen.conversation.id) == (True, False, id_)
    assert made.conversation == await world.chat.conversations.get(ADA, made.conversation.id)


async def test_a_conversation_that_breaks_a_limit_is_not_stored(world: World) -> None:
    with pytest.raises(InvalidInputError):
        await world.chat.conversations.create(ADA, title="x" * 501)

    assert (await world.chat.conversations.list(ADA)).conversations == ()


async def test_a_change_is_returned_and_stored(world: World) -> None:
    created = await world.conversation()

    changed = await world.chat.conversations.update(ADA, created.id, ConversationChanges(title="Mine", is_pinned=True))

    assert (changed.title, changed.is_pinned) == ("Mine", True)
    assert (await world.chat.conversations.open(ADA, created.id)).conversation == changed


@pytest.mark.parametrize(
    ("given", "stored"), [(None, None), ("", None), (" \n", None), ("\u200b", None), (" Be brief. ", " Be brief. ")]
)
async def test_instructions_without_visible_text_count_as_none(
    world: World, given: str | None, stored: str | None
) -> None:
    created = await world.chat.conversations.create(ADA, instructions=given)
    other = await world.chat.conversations.create(ADA, instructions="Rhyme.")
    changed = await world.chat.conversations.update(ADA, other.id, ConversationChanges(instructions=given))

    assert (created.instructions, changed.instructions) == (stored, stored)
    assert (await world.chat.conversations.get(ADA, other.id)).instructions == stored


@pytest.mark.parametrize("instructions", ["x" * 8001, "Rhyme.\x00", "Rhyme.\ud83d"])
async def test_instructions_that_break_their_limits_are_refused(world: World, instructions: str) -> None:
    created = await world.chat.conversations.create(ADA, instructions="x" * 8000)

    with pytest.raises(InvalidInputError):
        await world.chat.conversations.create(ADA, instructions=instructions)
    with pytest.raises(InvalidInputError):
        await world.chat.conversations.update(ADA, created.id, ConversationChanges(instructions=instructions))

    assert (await world.chat.conversations.list(ADA)).conversations == (created,)


@pytest.mark.parametrize("title", ["", "x" * 501, "\x00"])
async def test_a_title_that_breaks_its_limits_is_refused(world: World, title: str) -> None:
    created = await world.conversation()

    with pytest.raises(InvalidInputError):
        await world.chat.conversations.update(ADA, created.id, ConversationChanges(title=title))

    assert await world.chat.conversations.get(ADA, created.id) == created


async def test_whoever_deletes_a_conversation_is_told_of_it_afterwards(world: World) -> None:
    told: list[tuple[str, ConversationId]] = []
    conversations = Conversations(
        storage=world.storage,
        deletions=world.storage,
        clock=world.clock,
        on_deleted=lambda user_id, id_: told.append((user_id, id_)),
        placeholder_titles=(),
    )
    created, *others = [await conversations.create(ADA) for _ in range(23)]

    with pytest.raises(ConversationNotFoundError):
        await conversations.delete(BOB, created.id)
    told_of_another_users = list(told)
    await conversations.delete(ADA, created.id)

    assert (told_of_another_users, told) == ([], [(ADA.id, created.id)])
    await conversations.delete_all(ADA)
    assert sorted(told[1:]) == sorted((ADA.id, other.id) for other in others)


async def test_deleting_all_stops_running_replies_and_leaves_other_users_alone(world: World) -> None:
    kept = await world.conversation(BOB)
    turn = await world.send(await world.conversation())
    await world.inference.call()

    await world.chat.conversations.delete_all(ADA)
    await until(lambda: has_ended(turn))
    await world.chat.conversations.delete_all(ADA)

    assert (await world.chat.conversations.list(ADA)).conversations == ()
    assert (await world.chat.conversations.list(BOB)).conversations == (kept,)


async def test_deleting_all_goes_on_where_a_failure_ended_it(world: World) -> None:
    for _ in range(25):
        await world.conversation()
    world.storage.lost_replies = 1

    with pytest.raises(StorageUnavailableError):
        await world.chat.conversations.delete_all(ADA)
    await world.chat.conversations.delete_all(ADA)

    assert (await world.chat.conversations.list(ADA)).conversations == ()
