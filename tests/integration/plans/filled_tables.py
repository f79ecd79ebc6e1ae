"""Tables so large that the planner means what it plans: a heavy user with half of everything, among two thousand."""

from __future__ import annotations

from hashlib import md5
from uuid import UUID

import psycopg

from chatcore.conversations.conversation import Conversation
from chatcore.conversations.message import ConversationId, MessageId
from chatcore.replies.lease import Lease, OwnerId
from chatcore.testing.samples import NOON

HEAVY = "heavy"
#: One with 25 conversations.
LIGHT = "user1"
CONVERSATIONS = 50_000
#: Of one conversation of the heavy user's.
LONG_MESSAGES = 2_000
#: Replies in the making, of which each of ten processes has its share; with so many deltas each.
GENERATIONS, OWNERS, DELTAS = 8_000, 10, 5

_FILL = f"""
create function a_user(n bigint) returns text language sql immutable as
    $$ select case when n % 2 = 0 then '{HEAVY}' else 'user' || n % 2001 end $$;

insert into conversations (user_id, id, title, title_source, model_tag, head_id, next_position, created_at, updated_at)
select a_user(n), md5('c' || n)::uuid, 'A title', 'auto', 'default', md5('m2-' || n)::uuid, 3, now(),
    timestamptz '2026-01-01Z' + n * interval '1 second'
from generate_series(1, {CONVERSATIONS}) as n;
insert into messages (user_id, id, conversation_id, parent_id, position, role, content, status, created_at)
select a_user(n), md5('m' || p || '-' || n)::uuid, md5('c' || n)::uuid, case p when 2 then md5('m1-' || n)::uuid end, p,
    case p when 1 then 'user' else 'assistant' end, 'text', 'complete', now()
from generate_series(1, {CONVERSATIONS}) as n, generate_series(1, 2) as p;

insert into conversations (user_id, id, title, title_source, model_tag, head_id, next_position, created_at, updated_at)
values ('{HEAVY}', md5('long')::uuid, 'A title', 'auto', 'default', md5('l{LONG_MESSAGES}')::uuid, {LONG_MESSAGES} + 1,
    now(), now());
insert into messages (user_id, id, conversation_id, parent_id, position, role, content, status, created_at)
select '{HEAVY}', md5('l' || p)::uuid, md5('long')::uuid, case when p > 1 then md5('l' || p - 1)::uuid end, p,
    case p % 2 when 1 then 'user' else 'assistant' end, 'text', 'complete', now()
from generate_series(1, {LONG_MESSAGES}) as p;

insert into generations (user_id, conversation_id, message_id, slot, owner_id, epoch, lease_until, started_at)
select a_user(n), md5('c' || n)::uuid, md5('m2-' || n)::uuid, 1 + n / 2001, md5('owner' || n / 2 % {OWNERS})::uuid, 1,
    now() + case when n < 40 then interval '-1 minute' else interval '1 hour' end, now()
from generate_series(1, 2 * {GENERATIONS}, 2) as n;
insert into deltas (user_id, message_id, start_offset, text)
select user_id, message_id, 10 * n, '0123456789' from generations, generate_series(0, {DELTAS} - 1) as n;

insert into idempotency_keys (user_id, key, fingerprint, conversation_id, user_message_id, reply_id, created_at)
select a_user(n), 'key' || n, sha256('{{}}'), md5('c' || n)::uuid, md5('m1-' || n)::uuid, md5('m2-' || n)::uuid,
    now() - n * interval '1 second'
from generate_series(1, {CONVERSATIONS}) as n;
insert into open_streams (user_id, process_id, streams, valid_until)
select 'user' || u, md5('owner' || p)::uuid, 1, now() + case u when 1 then interval '-1 s' else interval '1 hour' end
from generate_series(0, 2000) as u, generate_series(1, 3) as p
"""  # noqa: S608 - the only values are the constants above

_TABLES = ("conversations", "messages", "generations", "deltas", "idempotency_keys", "open_streams")
_NOT_ALL_VISIBLE = """
select from pg_class where oid in (select conrelid from pg_constraint where contype = 'p') and relallvisible < relpages
    and relnamespace = 'public'::regnamespace
"""


def fill(url: str) -> None:
    """Fills migrated tables, and has the planner know them, the same each time."""
    with psycopg.connect(url, autocommit=True) as connection:
        for table in _TABLES:
            # What it found out in the middle would be another thing each time.
            connection.execute(f"alter table {table} set (autovacuum_enabled = off)".encode())
        connection.execute(_FILL.encode())
        # So many that all rows are looked at.
        connection.execute("set default_statistics_target = 400")
        connection.execute("vacuum analyze")
        # Of rows that somebody's snapshot, in the same database, might not show yet, nobody knows that all see them.
        while connection.execute(_NOT_ALL_VISIBLE).fetchall():
            connection.execute("vacuum")


def a_stored_conversation(user: str, number: int) -> Conversation:
    """The conversation with a number, even ones the heavy user's."""
    return Conversation(id=ConversationId(_id(f"c{number}")), user_id=user, created_at=NOON, updated_at=NOON)


def the_long_conversation() -> Conversation:
    """The one that is long."""
    return Conversation(id=ConversationId(_id("long")), user_id=HEAVY, created_at=NOON, updated_at=NOON)


def the_reply(number: int) -> MessageId:
    """The reply in the conversation with that number."""
    return MessageId(_id(f"m2-{number}"))


def leases(owner: int, count: int) -> list[Lease]:
    """So many that one process has."""
    numbers = range(2 * owner + 1, 2 * GENERATIONS, 2 * OWNERS)
    return [
        Lease(
            user_id=f"user{n % 2001}",
            conversation_id=ConversationId(_id(f"c{n}")),
            message_id=the_reply(n),
            owner_id=OwnerId(_id(f"owner{owner}")),
            epoch=1,
        )
        for n in list(numbers)[-count:]
    ]


def _id(name: str) -> UUID:
    return UUID(md5(name.encode(), usedforsecurity=False).hexdigest())
