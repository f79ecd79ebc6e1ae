"""The cost of statements in rows read, which does not grow with the stored data."""

from collections.abc import AsyncIterator, Sequence
from hashlib import md5
from typing import LiteralString
from uuid import UUID, uuid4

import pytest
from attrs import evolve
from psycopg import AsyncRawCursor
from tests.integration.plans.explaining import explain
from tests.integration.plans.plan import Kind

from chatcore.conversations.changes import UNSET
from chatcore.conversations.conversation import Conversation
from chatcore.conversations.message import MessageId
from chatcore.replies.lease import LEASE_SECONDS
from chatcore.testing.samples import (
    NOON,
    a_conversation,
    a_key,
    a_regeneration,
    a_turn,
)
from chatcore.testing.storage.steps import converse, create
from chatcore_postgres import PostgresStorage
from chatcore_postgres.conversations import LIST_BY_CURSOR
from chatcore_postgres.driver import arrays, database
from chatcore_postgres.driver.arrays import Bools, Integers, Texts, Uuids
from chatcore_postgres.driver.database import Parameters
from chatcore_postgres.paths import _SLICE, OPEN_PATH, READ_SLICE, READ_TREE
from chatcore_postgres.replies.begin_regeneration import BEGIN_REGENERATION, regeneration_parameters
from chatcore_postgres.replies.begin_turn import BEGIN_TURN, turn_parameters
from chatcore_postgres.replies.checkpoint import CHECKPOINT
from chatcore_postgres.replies.deltas import READ_DELTAS
from chatcore_postgres.replies.messages import GET_MESSAGE, REQUEST_STOP

_MANY = 10_000

# One long conversation among short ones of the same user, so that the planner's estimate of the average is far off.
_FILL = f"""
insert into conversations
select 'alice', md5('c' || n)::uuid, 'A title', 'auto', 'default', null, 11, now(), now()
from generate_series(1, 200) as n;
insert into messages
select 'alice', md5(c.id || 'm' || n)::uuid, c.id, null, n, 'user', 'text', 'complete', null, null, null, null, now()
from conversations as c, generate_series(1, 10) as n where c.next_position = 11;
insert into messages
select 'alice', md5('m' || n)::uuid, c.id, case when n > 1 then md5('m' || n - 1)::uuid end, n,
    case n % 2 when 1 then 'user' else 'assistant' end, 'text', 'complete', null, null, null, null, now()
from conversations as c, generate_series(1, {_MANY}) as n where c.next_position = 1;
update conversations set head_id = md5('m{_MANY}')::uuid, next_position = {_MANY} + 1 where next_position = 1
"""  # noqa: S608 - the only value is the constant above

_FEW = 100

# The planner knows that the table has so few rows that it takes few pages.
_FILL_SMALL = f"""
insert into messages
select 'alice', md5('m' || n)::uuid, c.id, case when n > 1 then md5('m' || n - 1)::uuid end, n,
    case n % 2 when 1 then 'user' else 'assistant' end, repeat('x', 400), 'complete', null, null, null, null, now()
from conversations as c, generate_series(1, {_FEW}) as n;
update conversations set head_id = md5('m{_FEW}')::uuid, next_position = {_FEW} + 1;
analyze
"""  # noqa: S608 - the only value is the constant above

# A running reply in every conversation, each with a thousand characters so far.
_BEGIN_ALL = """
insert into generations
select user_id, conversation_id, id, row_number() over (), md5('owner')::uuid, 1, now(), false, null, now()
from messages where position = 1;
insert into deltas
select user_id, message_id, n * 10, '0123456789' from generations, generate_series(0, 99) as n;
analyze
"""


# A thousand running replies of the user, in the lowest slots, and one of each of many others, so that the planner
# believes that every user has one.
_RUN_THOUSAND = """
insert into conversations
select 'user' || n, md5('u' || n)::uuid, 'A title', 'auto', 'default', null, 2, now(), now()
from generate_series(1, 4000) as n;
insert into messages
select user_id, id, id, null, 1, 'assistant', '', 'streaming', null, null, null, null, now()
from conversations where user_id like 'user%';
insert into generations
select user_id, id, id, 1, md5('owner')::uuid, 1, now(), false, null, now()
from messages where user_id like 'user%';
insert into conversations
select 'alice', md5('c' || n)::uuid, 'A title', 'auto', 'default', null, 2, now(), now()
from generate_series(1, 1000) as n;
insert into messages
select 'alice', md5('r' || n)::uuid, md5('c' || n)::uuid, null, 1, 'assistant', '', 'streaming', null, null, null,
    null, now()
from generate_series(1, 1000) as n;
insert into generations
select 'alice', md5('c' || n)::uuid, md5('r' || n)::uuid, n, md5('owner')::uuid, 1, now(), false, null, now()
from generate_series(1, 1000) as n;
analyze
"""


# Other versions of the last reply, each with 128 KiB.
_ADD_VERSIONS = f"""
insert into messages
select m.user_id, md5('v' || n)::uuid, m.conversation_id, m.parent_id, {_MANY} + n, m.role, long.text, m.status, null,
    null, null, null, now()
from messages as m, generate_series(1, 30) as n cross join lateral (
    select string_agg(md5(n || '-' || part), '') as text
    from generate_series(1, 4096) as part
) as long
where m.user_id = 'alice' and m.id = md5('m{_MANY}')::uuid;
update conversations set next_position = next_position + 30 where user_id = 'alice' and head_id = md5('m{_MANY}')::uuid
"""  # noqa: S608 - the only value is the constant above


@pytest.fixture
async def storage(database_url: str) -> AsyncIterator[PostgresStorage]:
    async with PostgresStorage(database_url, min_connections=1, max_connections=1, reserved_connections=1) as storage:
        yield storage


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[database.Connection]:
    async with await database.Connection.connect(
        database_url, autocommit=True, cursor_factory=AsyncRawCursor
    ) as connection:
        arrays.register(connection)
        yield connection


async def test_instructions_do_not_come_with_every_message_of_the_history(
    storage: PostgresStorage, connection: database.Connection
) -> None:
    conversation = evolve(a_conversation(), instructions="x" * 8000)
    await storage.create_conversation(conversation)
    for number in range(10):
        await converse(storage, conversation, f"question {number}", f"answer {number}")
    turn, regeneration = a_turn(conversation), a_regeneration(conversation)

    for statement, parameters in (
        (BEGIN_REGENERATION, regeneration_parameters(regeneration)),
        (BEGIN_TURN, turn_parameters(turn)),
    ):
        async with connection.transaction(force_rollback=True):
            rows = await database.fetch_on(connection, statement, parameters)
        assert len(rows) >= 19
        assert 1 <= sum(conversation.instructions in row for row in rows) <= 3


async def test_opening_a_path_reads_no_page_of_other_versions(
    storage: PostgresStorage, connection: database.Connection
) -> None:
    conversation = await create(storage)
    await connection.execute(_FILL.encode())
    parameters = _path_parameters(conversation, 2**31 - 1)
    before = await explain(connection, OPEN_PATH, parameters, Kind.GENERIC)

    # Random text is not compressed, so each version takes hundreds of pages.
    await connection.execute(_ADD_VERSIONS.encode())
    await connection.execute(b"vacuum analyze")
    after = await explain(connection, OPEN_PATH, parameters, Kind.GENERIC)

    assert after.rows_read("messages") == before.rows_read("messages")
    assert after.pages() <= 1.2 * before.pages()


@pytest.mark.parametrize("kind", Kind)
async def test_a_path_is_not_read_anew_for_each_message_of_a_small_table(
    storage: PostgresStorage, connection: database.Connection, kind: Kind
) -> None:
    conversation = await create(storage)
    await connection.execute(_FILL_SMALL.encode())
    newest = {"newest_id": _nth(_FEW), "count": _FEW, "lone_from": 2**62, **_SLICE}
    names = {"user_id": conversation.user_id, "conversation_id": conversation.id}

    path = await explain(connection, OPEN_PATH, _path_parameters(conversation, 2**31 - 1), kind)
    read = await explain(connection, READ_SLICE, {**names, **newest}, kind)

    assert path.rows_read("messages") <= 3 * _FEW
    assert read.rows_read("messages") <= 2 * _FEW


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("is_analyzed", [True, False])
async def test_no_statement_reads_more_of_a_long_conversation_than_it_needs(
    storage: PostgresStorage, connection: database.Connection, kind: Kind, *, is_analyzed: bool
) -> None:
    conversation = await create(storage)
    await connection.execute(_FILL.encode())
    if is_analyzed:
        await connection.execute("analyze")
    names = {"user_id": "alice", "conversation_id": conversation.id, "message_id": _nth(5000)}

    for place in (None, _nth(5000)):
        for query, parameters in _beginnings(conversation, at=place):
            assert 49 <= (await explain(connection, query, parameters, kind)).rows_read("messages") <= 60
    for query in (GET_MESSAGE, REQUEST_STOP):
        assert (await explain(connection, query, names, kind)).rows_read("messages") == 1
    path = await explain(connection, OPEN_PATH, _path_parameters(conversation, 50), kind)
    assert path.rows_read("messages") == 2 * 50
    whole = await explain(connection, OPEN_PATH, _path_parameters(conversation, 2**31 - 1), kind)
    assert whole.rows_read("messages") <= _MANY + 2 * 200
    key = {**names, "newest_id": _nth(5000), "count": 200, "lone_from": 2**62, **_SLICE}
    assert (await explain(connection, READ_SLICE, key, kind)).rows_read("messages") == 200
    tree = await explain(connection, READ_TREE, {**names, "after": 5000, **_SLICE}, kind)
    assert tree.rows_read("messages") == 200
    page = await explain(
        connection,
        LIST_BY_CURSOR,
        {
            "user_id": "alice",
            "limit": 51,
            "is_archived": False,
            "after_updated_at": NOON.replace(year=2099),
            "after_id": uuid4(),
        },
        kind,
    )
    assert page.rows_read("conversations") <= 52


async def test_no_statement_reads_more_running_replies_than_it_needs(
    storage: PostgresStorage, connection: database.Connection
) -> None:
    conversation = await create(storage)
    await connection.execute(_FILL.encode())
    await connection.execute(_BEGIN_ALL)
    message_id = _nth(1)
    reader = {"user_ids": Texts(["alice"]), "conversation_ids": Uuids([conversation.id])}

    # Both statements are planned anew each time.
    for offset, room, needed in ((955, 10_000, 5), (5, 30, 4)):
        read = await explain(
            connection,
            READ_DELTAS,
            {
                **reader,
                "message_ids": Uuids([message_id]),
                "positions": Integers([offset]),
                "rooms": Integers([room]),
            },
            Kind.CUSTOM,
        )
        assert read.rows_read("generations") == 1
        # One more row tells where the reader is.
        assert read.rows_read("deltas") <= needed + 1
    checkpoint = await explain(
        connection,
        CHECKPOINT,
        {
            **reader,
            "owner_id": UUID(md5(b"owner", usedforsecurity=False).hexdigest()),
            "lease_seconds": LEASE_SECONDS,
            "message_ids": Uuids([message_id]),
            "epochs": Integers([1]),
            "start_offsets": Integers([1000]),
            "texts": Texts(["text"]),
            "token_counts": Integers([1]),
            "renewals": Bools([True]),
        },
        Kind.CUSTOM,
    )
    assert checkpoint.rows_read("generations") <= 3


@pytest.mark.parametrize("kind", Kind)
async def test_beginning_reads_few_of_the_running_replies_of_a_user(
    storage: PostgresStorage, connection: database.Connection, kind: Kind
) -> None:
    conversation = await create(storage)
    await connection.execute(_RUN_THOUSAND.encode())

    for query, parameters in _beginnings(conversation, max_generations=10_000):
        begin = await explain(connection, query, parameters, kind)
        assert begin.rows_read("generations") <= 10


@pytest.mark.parametrize("kind", Kind)
async def test_beginning_reads_no_page_of_other_versions(
    storage: PostgresStorage, connection: database.Connection, kind: Kind
) -> None:
    conversation = await create(storage)
    await connection.execute(_FILL.encode())
    queries = _beginnings(conversation, history_limit=1000)
    before = [await explain(connection, query, parameters, kind) for query, parameters in queries]

    await connection.execute(_ADD_VERSIONS.encode())
    await connection.execute(b"vacuum analyze")
    after = [await explain(connection, query, parameters, kind) for query, parameters in queries]

    for less, more in zip(before, after, strict=True):
        assert more.rows_read("messages") == less.rows_read("messages")
        assert more.pages() <= 1.2 * less.pages()


def _path_parameters(conversation: Conversation, limit: int) -> dict[str, object]:
    names = {"user_id": conversation.user_id, "conversation_id": conversation.id, "before_id": None}
    return {**names, "limit": limit, "page_bytes": 2**62, **_SLICE}


def _nth(number: int) -> MessageId:
    """Returns the id that the SQL above gives to a message of the long conversation."""
    return MessageId(UUID(md5(f"m{number}".encode(), usedforsecurity=False).hexdigest()))


def _beginnings(
    conversation: Conversation, *, at: MessageId | None = None, history_limit: int = 50, max_generations: int = 8
) -> Sequence[tuple[LiteralString, Parameters]]:
    """Returns the statements that begin a reply at a message, by default at the head, with their parameters."""
    turn = evolve(
        a_turn(conversation),
        parent_id=UNSET if at is None else at,
        idempotency_key=a_key(),
        history_limit=history_limit,
        max_generations=max_generations,
    )
    regeneration = evolve(
        a_regeneration(conversation),
        message_id=at,
        idempotency_key=a_key(),
        history_limit=history_limit,
        max_generations=max_generations,
    )
    # The slots that are tried first are the lowest ones.
    return (
        (BEGIN_TURN, {**turn_parameters(turn), "choice": 3}),
        (BEGIN_REGENERATION, {**regeneration_parameters(regeneration), "choice": 3}),
    )
