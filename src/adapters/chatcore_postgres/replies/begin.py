"""Begins a reply with one statement, in one round trip.

This module has the common parts of the statements for a turn, a regeneration and a continuation. All of them read
first and then write. `outcome` decides the result, as far as the snapshot shows. If the reply is accepted, `moved`
updates the row of the conversation, and every insert takes its values from `moved`: a refusal writes nothing and waits
for no lock.

**Stale snapshots.** A statement sees the database as it was when the statement began. `moved` waits for the lock of the
row and then has the row as it is *now*, while every other part still shows the moment before the wait: meanwhile
another turn may have stored a key, a generation and messages that this statement cannot see. So `moved` updates the row
only if the row still is as `outcome` saw it. If the row has changed or is gone, nothing is written, the outcome is
`stale`, and the caller sends the statement again: a new snapshot gives the definite answer.

Two turns of one user in different conversations share no lock. If they want the same slot or the same key, a unique
constraint fails one of them, and the caller sends that statement again as well (see
:mod:`chatcore_postgres.driver.failures`).

Every statement that needs the row of the conversation and other rows locks the conversation first: the statement here,
the end of a reply, and the deletion. In any other order, they could deadlock.

**Cost.** The first token waits for this statement. The server spends less time on rows than on setting up each part of
the plan, even more so when its caches have gone cold since the last turn. So there are as few parts as possible: one
scan of a table where one is enough, one insert for both messages, no result that the caller knows already, and the
caller sorts the messages.

**Time.** What is decided by an age (a lease, an idempotency key) has the database's time: the clocks of two processes
may differ by hours. The other instants have the time of the process: they are shown to users and order the list of
conversations, but nothing is decided by them.

**Paths** are read from the newest message up. Because of `offset 0`, each step looks up one row by the primary key; a
join might read all messages of the user in each step.

**Recursion** stays inside a part of its own. Citus refuses a statement that writes and begins with `with recursive`.
"""

from typing import LiteralString

from chatcore.ports.new_reply import NewReply
from chatcore.replies.lease import LEASE_SECONDS
from chatcore_postgres.rows import whole_message

# A larger integer is sent with another type.
_MAX_SMALLINT = 0x7FFF

# This many slots are looked up before all slots of the user are read.
_TRIES: LiteralString = "8"


def begin_statement(
    *,
    decide: LiteralString,
    stored: LiteralString,
    epoch: LiteralString = "1",
    begins_at: LiteralString = "0",
    number: LiteralString = "1",
    has_pieces: LiteralString = "false",
    restores: LiteralString = "null",
    shown: LiteralString = "o.epoch, 0, null",
) -> LiteralString:
    """Composes a statement that begins a reply.

    `seen` is the conversation as the snapshot shows it. `running` is the running reply of the conversation, and its
    epoch is given to its owner only. It is looked up in the order of the primary key: where most users have one running
    reply, the planner believes that any index which begins with the user finds one row, and might read all running
    replies of the user. `known` is the turn that was recorded for the key.

    `room` has a free slot, or null if the user has none. The cost hardly grows with the number of running replies:
    `tried` looks up a few slots that are spread over all permitted ones, and begins at one that the id of the reply
    decides, so that turns which begin at the same moment rarely want the same slot. Only if all of these are taken,
    `counted` reads all slots of the user and finds the lowest free one.

    `counted` also serves a user who has a slot above the limit, because the limit was lowered. Such a user may have
    free slots and no room. All turns of that user want the lowest free slot, and the unique constraint lets one of them
    have it at a time: with different slots, they could exceed the limit together.

    A slot is looked up with a subquery that the planner cannot turn into a join, for which it might read all slots.

    The result has a row for each message, in no order and with duplicates, or a single row without a message. The
    messages that were stored just now are not among them. The instructions of the conversation may be as long as all
    messages together, so they come only with the newest messages, whose `count` is at most 2, or without a message.

    Args:
        decide: the parts up to `outcome` and `moved`, and `said`, which has the messages to return.
        stored: the insert of the messages, or of the text, from `moved`.
        epoch: the expression over `moved` for the first epoch of the generation.
        begins_at: the expression over `moved` for the beginning of the text that is requested.
        number: the expression over `moved` for the number of the generation.
        has_pieces: the expression over `moved` for whether the reply has more than text.
        restores: the expression over `moved` for the state before a continuation.
        shown: the expressions over `o` and `moved` for the epoch, the beginning of the text and the state before a
            continuation.
    """
    return f"""
with seen as (
    select head_id, next_position, instructions
    from conversations
    where user_id = %(user_id)s and id = %(conversation_id)s
),
running as (
    select message_id, case when owner_id = %(owner_id)s then epoch end as epoch, request, begins_at, restores
    from (
        select *
        from generations
        where user_id = %(user_id)s and conversation_id >= %(conversation_id)s
        order by conversation_id
        limit 1
    ) as next
    where conversation_id = %(conversation_id)s
),
tried as materialized (
    select (
        select candidate
        from generate_series(0, {_TRIES} - 1) as try cross join lateral (
            select 1 + (%(choice)s::integer + try * greatest(%(max_generations)s::integer / {_TRIES}, 1))
                % %(max_generations)s::integer as candidate
            offset 0
        ) as candidates
        where (select g.slot from generations as g where g.user_id = %(user_id)s and g.slot = candidate) is null
        limit 1
    ) as slot
    where (
        select slot
        from generations
        where user_id = %(user_id)s
        order by slot desc
        limit 1
    ) > %(max_generations)s::integer is not true
),
counted as (
    select count(*) as running, coalesce(min(number) filter (where number <> slot), count(*) + 1) as free_slot
    from (
        select slot, row_number() over (order by slot) as number
        from generations
        where user_id = %(user_id)s and (select slot from tried) is null
    ) as taken
),
room as (
    select coalesce(
            (select slot from tried),
            case when running < %(max_generations)s::integer then free_slot end
        ) as slot,
        running > %(max_generations)s::integer as is_exceeded
    from counted
),
known as (
    select fingerprint = %(fingerprint)s::bytea as is_same, user_message_id, reply_id, begins_at
    from idempotency_keys
    where user_id = %(user_id)s and key = %(key)s::text
),
{decide},
stored as (
    {stored}
),
generation as (
    insert into generations (user_id, conversation_id, message_id, slot, owner_id, epoch, lease_until,
        fallback_head_id, started_at, request, begins_at, number, has_pieces,
        restores)
    select %(user_id)s, %(conversation_id)s, %(reply_id)s, free_slot, %(owner_id)s, {epoch},
        now() + make_interval(secs => %(lease_seconds)s), fallback_head_id, now(), %(request)s, {begins_at},
        {number}, {has_pieces}, {restores}
    from moved
),
remembered as (
    insert into idempotency_keys (user_id, key, fingerprint, conversation_id, user_message_id, reply_id, created_at,
        begins_at)
    select %(user_id)s, %(key)s, %(fingerprint)s, %(conversation_id)s, user_message_id, %(reply_id)s, now(),
        {begins_at}
    from moved
    where %(key)s::text is not null
)
select case when o.outcome = 'accepted' and moved.reply_position is null then 'stale' else o.outcome end,
    o.user_message_id, o.reply_id, o.running_id, {shown}, o.question_parent_id, moved.reply_position,
    moved.reply_model_tag,
    case when m.count > 2 then null else o.instructions end,
    {whole_message("m.id = o.reply_id")}
from outcome as o left join moved on true left join said as m on true
"""  # noqa: S608 - every part is a literal


def begin_parameters(new: NewReply) -> dict[str, object]:
    """Returns the parameters that all three statements take, always of the same types.

    psycopg tells the server a type for each value, and the server prepares and plans the statement once for every
    combination of types.
    """
    key = new.idempotency_key
    return {
        "user_id": new.user_id,
        "conversation_id": new.conversation_id,
        "reply_id": new.reply_id,
        "owner_id": new.owner_id,
        "lease_seconds": LEASE_SECONDS,
        "history_limit": new.history_limit,
        "max_generations": new.max_generations,
        "key": key.key if key else None,
        "fingerprint": key.fingerprint if key else b"",
        "choice": new.reply_id.int & _MAX_SMALLINT,
        "request": new.request.encode(),
        "now": new.now,
    }
