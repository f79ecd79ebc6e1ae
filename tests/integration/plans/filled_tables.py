"""Fills tables until plans are realistic: a heavy user has half of all rows, two thousand users have the rest."""

from __future__ import annotations

from hashlib import md5
from uuid import UUID

import psycopg

from chatcore.conversations.conversation import Conversation
from chatcore.conversations.message import ConversationId, MessageId
from chatcore.replies.lease import Lease, OwnerId
from chatcore.testing.samples import NOON
from chatcore_postgres.search.terms import as_terms

HEAVY = "heavy"
#: A user with 25 conversations.
LIGHT = "user1"
CONVERSATIONS = 50_000
#: Number of messages of one conversation of the heavy user.
LONG_MESSAGES = 2_000
#: Number of running replies, which ten processes share, and of deltas of each reply.
GENERATIONS, OWNERS, DELTAS = 8_000, 10, 5
#: Number of texts that wait for being indexed.
QUEUED = 1_000

_FILL = f"""
create function a_user(n bigint) returns text language sql immutable as
    $$ select case when n % 2 = 0 then '{HEAVY}' else 'user' || n % 2001 end $$;

insert into conversations (user_id, id, title, title_source, model_tag, head_id, next_position, created_at, updated_at,
    is_archived, is_pinned, changed_xid)
select a_user(n), md5('c' || n)::uuid, 'A title', 'auto', 'default', md5('m2-' || n)::uuid, 3, now(),
    timestamptz '2026-01-01Z' + n * interval '1 second', n % 3 = 0, n % 100 = 0, n % 700
from generate_series(1, {CONVERSATIONS}) as n;
insert into messages (user_id, id, conversation_id, parent_id, position, role, content, status, created_at,
    pieces_bytes)
select a_user(n), md5('m' || p || '-' || n)::uuid, md5('c' || n)::uuid, case p when 2 then md5('m1-' || n)::uuid end, p,
    case p when 1 then 'user' else 'assistant' end, 'text', 'complete', now(), case when p = 2 and n % 5 = 0 then 40 end
from generate_series(1, {CONVERSATIONS}) as n, generate_series(1, 2) as p;
insert into pieces (user_id, message_id, position, text_offset, kind, body)
select user_id, id, 10 * n, 0, 'reasoning', 'reasoning.'
from messages, generate_series(0, 3) as n
where pieces_bytes is not null;

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
from generate_series(0, 2000) as u, generate_series(1, 3) as p;
insert into deleted_conversations (user_id, id, changed_xid, deleted_at)
select a_user(n), md5('d' || n)::uuid, n % 700, now() - n * interval '1 second'
from generate_series(1, {CONVERSATIONS}) as n;

create function a_prefix(user_id text) returns text language sql immutable as
    $$ select case user_id when '{HEAVY}' then '{as_terms(HEAVY, [""])}' when '{LIGHT}' then '{as_terms(LIGHT, [""])}'
        else left(md5(user_id), 8) end $$;
insert into search_terms (user_id, message_id, conversation_id, position, text_bytes, terms)
select user_id, id, conversation_id, position, 4,
    array_to_tsvector(array[a_prefix(user_id) || 'text', a_prefix(user_id) || left(id::text, 3),
        a_prefix(user_id) || left(id::text, 1)])
from messages;
insert into search_titles (user_id, conversation_id, title, terms)
select user_id, id, title, array_to_tsvector(array[a_prefix(user_id) || 'a', a_prefix(user_id) || left(id::text, 3)])
from conversations;
insert into search_queue (user_id, conversation_id, message_id)
select a_user(n), md5('c' || n)::uuid, md5('m1-' || n)::uuid
from generate_series(1, {QUEUED}) as n
"""  # noqa: S608 - the only values are the constants above

_TABLES = (
    *("conversations", "messages", "generations", "deltas", "pieces", "idempotency_keys", "open_streams"),
    *("deleted_conversations", "search_queue", "search_terms", "search_titles"),
)
_NOT_ALL_VISIBLE = """
select from pg_class where oid in (select conrelid from pg_constraint where contype = 'p') and relallvisible < relpages
    and relnamespace = 'public'::regnamespace
"""


def fill(url: str) -> None:
    """Fills migrated tables and analyses them, with the same statistics each time."""
    with psycopg.connect(url, autocommit=True) as connection:
        for table in _TABLES:
            # An analysis in the middle would find different statistics each time.
            connection.execute(f"alter table {table} set (autovacuum_enabled = off)".encode())
        connection.execute(_FILL.encode())
        # A target at which all rows are sampled.
        connection.execute("set default_statistics_target = 400")
        connection.execute("vacuum analyze")
        # Vacuum does not mark rows as visible to all that an older snapshot in the same database might not show.
        while connection.execute(_NOT_ALL_VISIBLE).fetchall():
            connection.execute("vacuum")


def a_stored_conversation(user: str, number: int) -> Conversation:
    """Returns the conversation with a number; even numbers belong to the heavy user."""
    return Conversation(id=ConversationId(_id(f"c{number}")), user_id=user, created_at=NOON, updated_at=NOON)


def the_long_conversation() -> Conversation:
    """Returns the long conversation."""
    return Conversation(id=ConversationId(_id("long")), user_id=HEAVY, created_at=NOON, updated_at=NOON)


def the_reply(number: int) -> MessageId:
    """Returns the reply in the conversation with that number."""
    return MessageId(_id(f"m2-{number}"))


def leases(owner: int, count: int) -> list[Lease]:
    """Returns that many leases of one process."""
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
