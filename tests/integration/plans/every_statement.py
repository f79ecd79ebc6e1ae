"""Makes the storage send every statement with its own values, and records the plans."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice
from uuid import UUID, uuid4

from attrs import evolve, field, frozen
from psycopg import AsyncRawCursor

from chatcore.conversations.changes import ConversationChanges, HeadChoice
from chatcore.conversations.conversation import Conversation, TitleSource
from chatcore.conversations.listing import MAX_PINNED, Cursor, PageRequest
from chatcore.conversations.log import Piece
from chatcore.conversations.message import ConversationId, Message, MessageId, Role
from chatcore.conversations.parts import PartKind
from chatcore.conversations.path import MAX_SLICE_MESSAGES, WHOLE_PATH, PathRequest
from chatcore.ports.search import IndexedText, WalkPlace
from chatcore.ports.stream_counts import ProcessId
from chatcore.replies.orphans import Resumption
from chatcore.search.listing import BEGINNING
from chatcore.search.query import QueryTerm
from chatcore.sync.watermark import Watermark
from chatcore.testing.samples import (
    a_conversation,
    a_final_state,
    a_fork,
    a_key,
    a_reader,
    a_regeneration,
    a_rename,
    a_turn,
    an_interruption,
    an_owner,
    continuation_of,
    progress,
)
from chatcore.testing.storage.steps import converse, create, end, lease_of
from chatcore.transfers.transferred import TransferredConversation
from chatcore.user import UserId
from chatcore_postgres import PostgresStorage
from chatcore_postgres.driver import arrays
from chatcore_postgres.driver.database import Connection
from chatcore_postgres.driver.epoll_wait import WaitingConnection
from chatcore_postgres.samosachaat.mapping import ImportedConversation, ImportedMessage
from chatcore_postgres.samosachaat.target import PlacedMessage, Target, Tip
from tests.integration.plans.explaining import explain_all
from tests.integration.plans.filled_tables import (
    HEAVY,
    LIGHT,
    LONG_MESSAGES,
    QUEUED,
    a_stored_conversation,
    leases,
    the_long_conversation,
    the_reply,
)
from tests.integration.plans.plan import Plan

#: How many rows a statement may read in all: a page of a list has 51, a history 50, and some rows are read twice.
ROWS_AT_MOST = 400
#: How many more rows each of many replies may add.
_ROWS_A_REPLY = 40
# So many texts are indexed at once.
_BATCH = 50

_REASONING = Piece(54, 54, PartKind.REASONING, "so so")
#: The number of replies for one statement, and of expired rows.
_MANY, _OLD = 10, 100
#: The number of users with feeds, and of pages of both tables that are read for each of them.
_FEEDS, _PAGES_A_SEARCH = 1000, 8


@frozen
class Step:
    """Holds the name of an action and the plans of the statements that the storage sent for it."""

    name: str
    plans: Sequence[Plan]
    rows_at_most: int


@frozen
class Recording:
    """Records the plans of all statements that a storage sends."""

    storage: PostgresStorage
    steps: list[Step] = field(factory=list)
    _plans: list[Plan] = field(factory=list)

    async def begin(self) -> None:
        """Starts to record."""

        async def watch(connection: Connection) -> None:
            explain_all(connection, self._plans)

        for pool in (self.storage._pools.requests, self.storage._pools.endings, self.storage._pools.background):
            await pool.run(watch)

    @asynccontextmanager
    async def step(self, name: str, rows_at_most: int = ROWS_AT_MOST) -> AsyncIterator[None]:
        """Records the statements that are sent within the block as one step."""
        self._plans.clear()
        yield
        self.steps.append(Step(name, tuple(self._plans), rows_at_most))


async def record(url: str) -> Sequence[Step]:
    """Calls every method of the storage, and what an import calls, on filled tables; returns the steps."""
    async with PostgresStorage(
        url, min_connections=1, max_connections=1, reserved_connections=1, timeout_seconds=60
    ) as storage:
        recording = Recording(storage)
        await recording.begin()
        for user, number in ((HEAVY, 40_000), (LIGHT, 40_021)):
            await _browse(recording, a_stored_conversation(user, number))
        await _read_all(recording, the_long_conversation())
        await _fork(recording)
        await _converse(recording, the_long_conversation(), "a long conversation")
        await _converse(recording, await create(storage, HEAVY), "a new conversation")
        await _make_replies(recording)
        await _branch(recording, await create(storage, HEAVY), "a tree")
        await _search(recording)
        await _tidy_up(recording)
        await _import(recording, url)
        watermark = await storage.read_watermark()
        for user, number in ((HEAVY, 30_000), (LIGHT, 36_019)):
            await _change(recording, a_stored_conversation(user, number))
        await _tell(recording, watermark)
    return recording.steps


async def _browse(recording: Recording, conversation: Conversation) -> None:
    storage, user = recording.storage, conversation.user_id
    async with recording.step(f"the first page of {user}", ROWS_AT_MOST + MAX_PINNED):
        page = await storage.list_conversations(user, PageRequest())
    middle = Cursor.after(page.conversations[len(page.conversations) // 2])
    async with recording.step(f"a later page of {user}"):
        await storage.list_conversations(user, PageRequest(cursor=middle))
    async with recording.step(f"the archived conversations of {user}", ROWS_AT_MOST + MAX_PINNED):
        await storage.list_conversations(user, PageRequest(is_archived=True))
    async with recording.step(f"a conversation of {user}"):
        await storage.get_conversation(user, conversation.id)
    async with recording.step(f"the path of a conversation of {user}"):
        path = await storage.open_path(user, conversation.id, WHOLE_PATH)
    message_id = path.first.messages[0].id
    async with recording.step(f"a message of {user}"):
        await storage.get_message(user, conversation.id, message_id)
    async with recording.step(f"a section of a message of {user}"):
        await storage.read_text(user, conversation.id, message_id, 0)
    async with recording.step(f"the log of a reply of {user}"):
        await storage.read_log(user, conversation.id, path.first.messages[-1].id, 15, 10)
    async with recording.step(f"conversations of {user} by id"):
        await storage.list_by_id(user, conversation.id, 50)
    async with recording.step(f"usages of {user}"):
        await storage.read_usages(user, conversation.id, [message.id for message in path.first.messages])


async def _read_all(recording: Recording, conversation: Conversation) -> None:
    storage, names = recording.storage, (conversation.user_id, conversation.id)
    # The path is walked and divided without its contents: each message is looked up, and passes five steps.
    async with recording.step("a long path", 2 * ROWS_AT_MOST + 6 * LONG_MESSAGES):
        path = await storage.open_path(*names, WHOLE_PATH)
    for key in islice(path.rest, 2):
        async with recording.step("a slice of a long path", 2 * ROWS_AT_MOST + 5 * MAX_SLICE_MESSAGES):
            await storage.read_slice(*names, key)
    async with recording.step("a page of a long path"):
        page = await storage.open_path(*names, PathRequest(limit=20))
    async with recording.step("an earlier page of a long path"):
        await storage.open_path(*names, PathRequest(limit=20, before=page.previous_cursor))
    # The older and the newer versions of each message are looked up.
    async with recording.step("a slice of a long tree", ROWS_AT_MOST + 9 * MAX_SLICE_MESSAGES):
        await storage.read_tree(*names, LONG_MESSAGES // 2)


async def _fork(recording: Recording) -> None:
    # Every message of the path is looked up, copied, and checked by the foreign keys.
    for conversation, messages in ((the_long_conversation(), LONG_MESSAGES), (a_stored_conversation(HEAVY, 40_000), 2)):
        async with recording.step(f"a fork of {messages} messages", ROWS_AT_MOST + 30 * messages):
            await recording.storage.fork_conversation(a_fork(conversation))


async def _change(recording: Recording, conversation: Conversation) -> None:
    storage, user = recording.storage, conversation.user_id
    async with recording.step(f"a new conversation of {user}"):
        await create(storage, user)
    async with recording.step(f"a new title of {user}"):
        await storage.update_conversation(user, conversation.id, a_rename("A title"))
    async with recording.step(f"an automatic title of {user}"):
        await storage.replace_auto_title(user, conversation.id, old=conversation.title, new="A title")
    async with recording.step(f"a deletion of {user}"):
        await storage.delete_conversation(user, conversation.id)
    async with recording.step(f"the deletion of some conversations of {user}"):
        await storage.delete_some(user, 10)
    async with recording.step(f"a whole conversation of {user}"):
        await storage.add_conversation(an_addition(user))


async def _branch(recording: Recording, conversation: Conversation, where: str) -> None:
    """Moves in a tree and deletes parts of it."""
    storage, names = recording.storage, (conversation.user_id, conversation.id)
    first = await converse(storage, conversation, "one", "two")
    async with recording.step(f"an edit in {where}"):
        edit = await storage.begin_turn(evolve(a_turn(conversation), parent_id=None, max_generations=8))
    await end(storage, lease_of(edit), a_final_state())
    version = evolve(a_regeneration(conversation), message_id=first.reply.id, max_generations=8)
    async with recording.step(f"another version in {where}"):
        lease = lease_of(await storage.begin_regeneration(version))
    await end(storage, lease, a_final_state())
    async with recording.step(f"the versions of two messages in {where}"):
        await storage.read_siblings(*names, [first.reply.id, first.user_message.id])
    choice = HeadChoice(first.user_message.id, follow=True)
    async with recording.step(f"a choice in {where}"):
        await storage.update_conversation(*names, ConversationChanges(), choice)
    async with recording.step(f"the path of {where}"):
        await storage.open_path(*names, PathRequest(limit=20))
    async with recording.step(f"the deletion of a branch in {where}"):
        await storage.delete_message(*names, first.user_message.id)
    async with recording.step(f"the deletion of a first message in {where}"):
        await storage.delete_message(*names, edit.user_message.id)


async def _tell(recording: Recording, watermark: Watermark) -> None:
    storage = recording.storage
    for user in (HEAVY, LIGHT):
        async with recording.step(f"what has changed for {user}"):
            await storage.read_changes(user, watermark, ROWS_AT_MOST)
    users = [HEAVY, *(f"user{number}" for number in range(_FEEDS))]
    # The index is searched for each user.
    async with recording.step(f"what has changed for {_FEEDS} users", ROWS_AT_MOST + _PAGES_A_SEARCH * _FEEDS):
        await storage.read_changes_of_all(users, watermark, ROWS_AT_MOST)


async def _converse(recording: Recording, conversation: Conversation, where: str) -> None:
    storage = recording.storage
    turn = evolve(a_turn(conversation), idempotency_key=a_key(where.replace(" ", "-")), max_generations=8)
    async with recording.step(f"a turn in {where}"):
        lease = lease_of(await storage.begin_turn(turn))
    async with recording.step(f"a stop in {where}"):
        await storage.request_stop(lease.user_id, lease.conversation_id, lease.message_id)
    async with recording.step(f"a final state in {where}"):
        await storage.finish(lease, an_interruption())
    async with recording.step(f"a continuation in {where}"):
        ended = lease_of(await storage.begin_continuation(evolve(continuation_of(lease), max_generations=8)))
    async with recording.step(f"a final state with reasoning in {where}"):
        await storage.finish(ended, evolve(a_final_state(), pieces=(_REASONING,), pieces_bytes=5))
    async with recording.step(f"a regeneration in {where}"):
        await storage.begin_regeneration(evolve(a_regeneration(conversation), max_generations=8))


async def _make_replies(recording: Recording) -> None:
    storage = recording.storage
    for count in (1, _MANY):
        held = leases(3, count)
        rows = ROWS_AT_MOST + count * _ROWS_A_REPLY
        async with recording.step(f"a checkpoint of {count}", rows):
            await storage.checkpoint(held[0].owner_id, [progress(a, "text", start_offset=50, renew=True) for a in held])
        async with recording.step(f"deltas for {count} readers elsewhere", rows):
            await storage.read_deltas([a_reader(lease, 40) for lease in held])
        async with recording.step(f"a checkpoint of {count} with reasoning", rows):
            parts = [evolve(progress(a, "", start_offset=54), pieces=(_REASONING,)) for a in held]
            await storage.checkpoint(held[0].owner_id, parts)
        async with recording.step(f"logs for {count} readers elsewhere", rows):
            await storage.read_deltas([a_reader(lease, 40) for lease in held])
        users = [lease.user_id for lease in held]
        async with recording.step(f"streams of {count} users", rows):
            await storage.exchange_stream_counts(ProcessId(UUID(int=1)), dict.fromkeys(users, 1))
    async with recording.step("a claim"):
        (lease, resumed, *_) = await storage.claim_expired(an_owner(), [the_reply(1)], _MANY)
    async with recording.step("the end of an orphaned reply"):
        await storage.recover(lease, lambda orphan: a_final_state(orphan.text))
    async with recording.step("the resumption of an orphaned reply"):
        await storage.recover(resumed, lambda orphan: Resumption(len(orphan.text), len(orphan.text)), history_limit=50)
    async with recording.step("a hand-over"):
        await storage.hand_over(progress(resumed, "text", start_offset=5000))
    conversation = await create(storage, HEAVY)
    running = await storage.begin_turn(evolve(a_turn(conversation), max_generations=8))
    async with recording.step("an interruption"):
        await storage.interrupt(
            evolve(a_turn(conversation), max_generations=8),
            running.reply.id,
            lambda orphan: a_final_state(orphan.text),
        )


async def _search(recording: Recording) -> None:
    storage = recording.storage
    for user in (HEAVY, LIGHT):
        # The texts of the newest conversations are looked through first.
        async with recording.step(f"a search of {user}", LONG_MESSAGES + ROWS_AT_MOST):
            terms = [QueryTerm("text"), QueryTerm("ab1", is_prefix=True)]
            found = (await storage.find_candidates(user, terms, BEGINNING)).found
        async with recording.step(f"texts that were found of {user}"):
            await storage.read_indexed_texts(user, [each.message_id for each in found if each.message_id is not None])
    async with recording.step("a search for what many texts have", LONG_MESSAGES + ROWS_AT_MOST):
        await storage.find_candidates(HEAVY, [QueryTerm("b")], BEGINNING)
    async with recording.step("texts that wait", ROWS_AT_MOST + _BATCH * _ROWS_A_REPLY):
        waiting = await storage.claim_pending(_BATCH)
    async with recording.step("terms of texts", ROWS_AT_MOST + _BATCH * _ROWS_A_REPLY):
        await storage.store_terms([IndexedText(each, ["text"], ["title"]) for each in waiting])
    for place in (WalkPlace(user_id=LIGHT), WalkPlace(is_among_titles=True, user_id=LIGHT)):
        async with recording.step("a step of a walk", ROWS_AT_MOST + 8 * _BATCH + QUEUED):
            await storage.enqueue_unindexed(place, _BATCH)


async def _import(recording: Recording, url: str) -> None:
    time, talk = datetime.now(UTC), ConversationId(UUID(int=1))
    conversation = ImportedConversation(talk, HEAVY, "A title", TitleSource.AUTO, "tiny", False, False, time, time)
    message = ImportedMessage(MessageId(UUID(int=2)), Role.USER, "hi", 2, "tiny", 0, 0, time)
    async with await WaitingConnection.connect(url, autocommit=True, cursor_factory=AsyncRawCursor) as connection:
        arrays.register(connection)
        explain_all(connection, recording._plans)
        target = Target(connection)
        async with recording.step("an import"):
            await target.find(HEAVY, talk)
            await target.create(conversation, time, time)
            await target.lock(HEAVY, talk)
            await target.find_messages(HEAVY, [message.id])
            await target.extend(conversation, [PlacedMessage(message, None, 1, time)], Tip(message.id, 2), time)


async def _tidy_up(recording: Recording) -> None:
    storage = recording.storage
    rows = ROWS_AT_MOST + _OLD * _ROWS_A_REPLY
    async with recording.step("old keys", rows):
        await storage.purge_idempotency_keys(timedelta(hours=10).total_seconds(), _OLD)
    async with recording.step("old deletions", rows):
        await storage.purge_deletions(timedelta(hours=10).total_seconds(), _OLD)
    async with recording.step("expired stream counts", rows):
        await storage.forget_stream_counts(_OLD)
    async with recording.step("a page of the walk over old conversations", ROWS_AT_MOST + _OLD):
        await storage.delete_untouched(timedelta(days=365 * 100), None, _OLD)
    async with recording.step("a ping"):
        await storage.ping()


def an_addition(user: UserId) -> TransferredConversation:
    """Returns a conversation to add, with a message that has more than text."""
    conversation = a_conversation(user)
    message = Message(
        id=MessageId(uuid4()),
        conversation_id=conversation.id,
        user_id=user,
        parent_id=None,
        position=1,
        role=Role.ASSISTANT,
        content="text",
        created_at=conversation.created_at,
        pieces=(_REASONING,),
    )
    return TransferredConversation(conversation=evolve(conversation, head_id=message.id), messages=[message])
