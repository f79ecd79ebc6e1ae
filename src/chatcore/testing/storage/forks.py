"""Tests forks of conversations, as a part of the storage contract."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from uuid import uuid4

import pytest
from attrs import evolve

from chatcore.conversations.changes import ConversationChanges
from chatcore.conversations.conversation import Conversation, TitleSource
from chatcore.conversations.log import Piece, bytes_of
from chatcore.conversations.message import ConversationId, FinishReason, Message, MessageId, Status
from chatcore.conversations.parts import PartKind
from chatcore.errors import ConversationNotFoundError, GenerationInProgressError, InvalidInputError
from chatcore.ports import NewFork, Storage
from chatcore.replies.lease import FinalState
from chatcore.reply_error import ReplyError
from chatcore.testing.samples import (
    ALICE,
    AWKWARD_TEXT,
    BOB,
    a_conversation,
    a_failure,
    a_final_state,
    a_fork,
    a_regeneration,
    a_rename,
    an_interruption,
    continuation_of,
    later,
    progress,
)
from chatcore.testing.storage.path_steps import read_path
from chatcore.testing.storage.steps import (
    StorageHooks,
    begin,
    checkpoint,
    converse,
    create,
    end,
    expect_refusals_of_foreign_messages,
    lease_of,
    messages_of,
    reopen,
    stored,
)

_PIECES = (Piece(0, 0, PartKind.REASONING, "hm 👩‍🚀"), Piece(10, 5, PartKind.DATA, '{"call":"\\u0000 é"}'))

#: How a reply may have ended.
_ENDS: dict[str, FinalState] = {
    "complete": evolve(a_final_state(AWKWARD_TEXT), finish_reason=FinishReason.LENGTH, usage='{"total_tokens":7}'),
    "stopped": evolve(an_interruption("Hel"), status=Status.STOPPED, error=ReplyError.STOPPED),
    "interrupted": an_interruption("Hel"),
    "failed": a_failure(),
    "more than text": evolve(a_final_state("Hello"), pieces=_PIECES, pieces_bytes=bytes_of(_PIECES)),
    "more than text, broken off": evolve(an_interruption("Hello"), pieces=_PIECES, pieces_bytes=bytes_of(_PIECES)),
}


class ForksContract(StorageHooks):
    """Tests that a fork has a copy of one path, and that nothing else changes."""

    async def test_a_fork_has_a_copy_of_the_active_path(self, storage: Storage) -> None:
        source = await _branched(storage)
        before, path = await reopen(storage, source), await read_path(storage, source)

        fork = await _fork(storage, a_fork(source, now=later(60)))

        assert await stored(storage, fork) == fork
        _expect_copies(await messages_of(storage, fork), path, of=fork)
        assert await read_path(storage, fork) == list(await messages_of(storage, fork))
        assert await reopen(storage, source) == before

    async def test_a_path_may_end_with_any_message_of_any_branch(self, storage: Storage) -> None:
        source = await _branched(storage)
        messages = {message.id: message for message in await messages_of(storage, source)}

        for message in messages.values():
            fork = await _fork(storage, a_fork(source, message.id))

            path = [message]
            while path[0].parent_id is not None:
                path.insert(0, messages[path[0].parent_id])
            _expect_copies(await messages_of(storage, fork), path, of=fork)

    @pytest.mark.parametrize("final_state", _ENDS.values(), ids=_ENDS)
    async def test_a_reply_is_copied_however_it_ended(self, storage: Storage, final_state: FinalState) -> None:
        source = await create(storage)
        await end(storage, await begin(storage, source), final_state)

        fork = await _fork(storage, a_fork(source))

        _expect_copies(await messages_of(storage, fork), await messages_of(storage, source), of=fork)

    async def test_a_reply_of_several_generations_keeps_its_cuts(self, storage: Storage) -> None:
        source = await create(storage)
        lease = await begin(storage, source)
        await end(storage, lease, an_interruption("Hel"))
        continued = lease_of(await storage.begin_continuation(continuation_of(lease)))
        await end(storage, continued, a_final_state("Hello"))

        fork = await _fork(storage, a_fork(source))

        copies = await messages_of(storage, fork)
        assert [copy.cuts for copy in copies] == [(), (3,)]
        _expect_copies(copies, await messages_of(storage, source), of=fork)

    async def test_a_fork_takes_over_what_belongs_to_the_talk(self, storage: Storage) -> None:
        source = evolve(
            a_conversation(),
            title=AWKWARD_TEXT,
            title_source=TitleSource.USER,
            model_tag="eliza 💬",
            instructions="Rhyme.",
            is_pinned=True,
            is_archived=True,
        )
        await storage.create_conversation(source)
        new = a_fork(source, now=later(60))

        fork = await _fork(storage, new)

        assert fork == evolve(
            source,
            id=new.conversation_id,
            created_at=later(60),
            updated_at=later(60),
            is_pinned=False,
            is_archived=False,
        )
        assert await reopen(storage, fork) == evolve(await reopen(storage, source), conversation=fork)

    async def test_the_fork_of_an_untitled_conversation_takes_its_title_from_its_first_message(
        self, storage: Storage
    ) -> None:
        fork = await _fork(storage, a_fork(await create(storage)))

        await begin(storage, fork)

        now = await stored(storage, fork)
        assert (now.title, now.title_source) == ("A title", TitleSource.AUTO)

    async def test_both_go_on_by_themselves(self, storage: Storage) -> None:
        source = await create(storage)
        lease = await begin(storage, source)
        await end(storage, lease, an_interruption("Hel"))
        fork = await _fork(storage, a_fork(source))
        copies = await reopen(storage, fork)

        await converse(storage, source, "More", "Yes")
        await storage.update_conversation(ALICE, source.id, a_rename("Renamed"))
        assert await reopen(storage, fork) == copies
        await storage.delete_conversation(ALICE, source.id)
        assert await reopen(storage, fork) == copies

        copied_lease = evolve(lease, conversation_id=fork.id, message_id=copies.messages[-1].id)
        continued = lease_of(await storage.begin_continuation(continuation_of(copied_lease)))
        await end(storage, continued, a_final_state("Hello"))
        await converse(storage, fork, "And now?", "Now this")
        await storage.begin_regeneration(a_regeneration(fork))
        assert [(m.position, m.content) for m in await messages_of(storage, fork)] == [
            (1, "Hello"),
            (2, "Hello"),
            (3, "And now?"),
            (4, "Now this"),
            (5, ""),
        ]

    async def test_a_fork_can_be_forked(self, storage: Storage) -> None:
        source = await _branched(storage)
        fork = await _fork(storage, a_fork(source))

        second = await _fork(storage, a_fork(fork))

        _expect_copies(await messages_of(storage, second), await messages_of(storage, fork), of=second)

    async def test_a_path_that_ends_with_a_running_reply_is_not_copied(self, storage: Storage) -> None:
        source = await create(storage)
        await converse(storage, source, "Hello", "Hi")
        lease = await begin(storage, source)
        await checkpoint(storage, progress(lease, "Hel"))
        before = await reopen(storage, source)

        for message_id in (None, lease.message_id):
            with pytest.raises(GenerationInProgressError) as caught:
                await storage.fork_conversation(a_fork(source, message_id))
            assert (caught.value.conversation_id, caught.value.message_id) == (source.id, lease.message_id)
        assert await reopen(storage, source) == before
        fork = await _fork(storage, a_fork(source, before.messages[2].id))

        _expect_copies(await messages_of(storage, fork), before.messages[:3], of=fork)
        assert (await storage.get_conversation(ALICE, fork.id)).active_reply_id is None
        await end(storage, lease, a_final_state("Hello"))
        assert len(await messages_of(storage, await _fork(storage, a_fork(source)))) == 4

    async def test_no_path_ends_with_what_is_no_message_of_the_conversation(self, storage: Storage) -> None:
        async def fork(source: Conversation, message_id: MessageId) -> None:
            await _fork(storage, a_fork(source, message_id))

        await expect_refusals_of_foreign_messages(storage, fork, InvalidInputError, match="message_id")

    async def test_only_ones_own_conversations_are_forked(self, storage: Storage) -> None:
        source = await create(storage)
        turn = await converse(storage, source, "Hello", "Hi")

        for absent in (evolve(source, user_id=BOB), evolve(source, id=ConversationId(uuid4()))):
            for message_id in (None, turn.reply.id):
                with pytest.raises(ConversationNotFoundError):
                    await storage.fork_conversation(a_fork(absent, message_id))

    async def test_an_id_that_is_taken_stays_as_it_is(self, storage: Storage) -> None:
        source, other = await _branched(storage), await create(storage)
        new = a_fork(source)
        fork = await _fork(storage, new)
        await converse(storage, fork, "More", "Yes")
        before = [await reopen(storage, conversation) for conversation in (source, fork, other)]

        for id_ in (fork.id, source.id, other.id):
            assert await storage.fork_conversation(evolve(new, conversation_id=id_)) is None

        assert [await reopen(storage, conversation) for conversation in (source, fork, other)] == before

    async def test_an_id_of_another_user_is_free(self, storage: Storage) -> None:
        source, bobs = await _branched(storage), await create(storage, BOB)

        fork = await _fork(storage, evolve(a_fork(source), conversation_id=bobs.id))

        assert len(await messages_of(storage, fork)) == 4
        assert await stored(storage, bobs) == bobs

    async def test_of_many_forks_with_one_id_one_takes_effect(self, storage: Storage) -> None:
        source = await _branched(storage)
        new = a_fork(source)

        made = await asyncio.gather(*(storage.fork_conversation(new) for _ in range(6)))

        (fork,) = [conversation for conversation in made if conversation is not None]
        _expect_copies(await messages_of(storage, fork), await read_path(storage, source), of=fork)

    async def test_a_fork_is_made_anew_under_the_id_of_a_deleted_one(self, storage: Storage) -> None:
        source = await _branched(storage)
        new = a_fork(source)
        await storage.delete_conversation(ALICE, (await _fork(storage, new)).id)

        fork = await _fork(storage, new)

        _expect_copies(await messages_of(storage, fork), await read_path(storage, source), of=fork)


async def _fork(storage: Storage, new: NewFork) -> Conversation:
    made = await storage.fork_conversation(new)
    assert made is not None
    return made


async def _branched(storage: Storage) -> Conversation:
    """Stores a conversation of two questions and three answers, two of which stand beside each other."""
    conversation = await create(storage)
    await converse(storage, conversation, "Hello", "Hi")
    await converse(storage, conversation, AWKWARD_TEXT, "Pardon?")
    regenerated = await storage.begin_regeneration(a_regeneration(conversation, now=later(1)))
    await end(storage, lease_of(regenerated), a_final_state("I see", at=later(2)))
    await storage.update_conversation(ALICE, conversation.id, ConversationChanges(is_pinned=True))
    return await stored(storage, conversation)


def _expect_copies(copies: Sequence[Message], path: Sequence[Message], *, of: Conversation) -> None:
    """Asserts that messages are copies of a path, which differ from it in what must differ."""
    assert [_comparable(copy) for copy in copies] == [_comparable(message) for message in path]
    assert [copy.position for copy in copies] == list(range(1, len(path) + 1))
    assert {copy.conversation_id for copy in copies} == {of.id}
    assert (copies[0].parent_id, of.head_id) == (None, copies[-1].id)
    assert all(copy.parent_id == above.id for above, copy in pairwise(copies))
    assert {copy.id for copy in copies}.isdisjoint({message.id for message in path})
    assert len({copy.id for copy in copies}) == len(path)


_NO_CONVERSATION, _NO_MESSAGE = ConversationId(uuid4()), MessageId(uuid4())


def _comparable(message: Message) -> Message:
    return evolve(message, id=_NO_MESSAGE, parent_id=None, conversation_id=_NO_CONVERSATION, position=1)
