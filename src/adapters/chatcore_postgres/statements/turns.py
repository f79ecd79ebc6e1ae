"""Beginning a turn or a regeneration: one statement, one round trip.

Both look first and write then, all in one statement. `verdict` says what is to happen, as far as the snapshot shows.
If it is accepted, `moved` takes the conversation's row, and every insert takes what it stores from `moved`: a refusal
writes nothing, and waits for nobody.

**Stale snapshots.** A statement sees the database as it was when it began. `moved` waits for the row's lock and then
has the row as it is *now*, while everything else still shows the moment before the wait: another turn may have been
stored meanwhile, with a key, a generation and messages that this statement cannot see. So `moved` takes the row only
if it still is what `verdict` saw. If it is not, or is gone, nothing is written, the outcome is `stale`, and the caller
sends the statement again: a new snapshot gives the definite answer.

What no lock orders, two turns of a user in different conversations that want one slot or one key, meets in a unique
constraint instead. The caller sends the statement again then as well (see :mod:`chatcore_postgres.driver.failures`).

The conversation's row is locked before anything else is touched, by every statement that needs both: this one, the
end of a reply, and the deletion. In any other order they could wait for each other.

**What it costs.** A first token waits for it. Of a server's work for it, less goes into rows than into setting up each
part of the plan, more so when its caches have gone cold since the last turn. So there are as few parts as will do: a
table is not scanned twice for what one scan tells, both messages are one insert, what the caller knows is not sent
back, and it is the caller who puts the messages in order.

Where a message is looked up by its id, `conversation_id is not distinct from` compares and does no more: with a plain
`=` the planner, which believes that few rows share a conversation, may read the whole conversation by its other index.
"""

from chatcore_postgres import rows

# `seen` is the conversation as the snapshot shows it. Of `running`, all but the slots is about this conversation's own
# reply in the making, of which there is one at most; the epoch is told to its owner only.
_STATE = """
with recursive
seen as (
    select model_tag, head_id, next_position
    from conversations
    where user_id = %(user_id)s and id = %(conversation_id)s
),
running as (
    select coalesce(array_agg(slot), '{}') as slots,
        (array_agg(message_id) filter (where conversation_id = %(conversation_id)s))[1] as message_id,
        max(epoch) filter (where conversation_id = %(conversation_id)s and owner_id = %(owner_id)s) as epoch
    from generations
    where user_id = %(user_id)s
),
"""

# Which of the free slots is taken depends on the reply's id: turns that begin at the same moment rarely want the same
# one.
_GENERATION = """
generation as (
    insert into generations (user_id, conversation_id, message_id, slot, owner_id, epoch, lease_until,
        fallback_head_id, started_at)
    select %(user_id)s, %(conversation_id)s, %(reply_id)s,
        (
            select (array_agg(slot))[1 + %(choice)s::integer % count(*)]
            from generate_series(1, %(max_generations)s::integer) as slot
            where slot <> all (taken_slots)
        ),
        %(owner_id)s, 1, now() + make_interval(secs => %(lease_seconds)s), fallback_head_id, %(now)s
    from moved
),
"""

# A row for each message, in no order, and some twice; or a single row without one. What was stored just now is not
# among them.
_ANSWER = f"""
select case when v.outcome = 'accepted' and moved.reply_position is null then 'stale' else v.outcome end,
    v.user_message_id, v.reply_id, v.running_id, v.epoch, v.head_id, moved.reply_position, moved.reply_model_tag,
    {rows.MESSAGE_COLUMNS}
from verdict as v left join moved on true left join said on true
"""  # noqa: S608 - the columns are a literal

# A repeat of a turn whose answer was lost is known by its message's id. It gets what the first one got: the lease too,
# if that still is ours.
#
# `path` begins at the head; when there is a reply already, at the reply. `count` includes the message to be answered
# and not the reply.
BEGIN_TURN = (
    _STATE  # noqa: S608 - every part is a literal of this file
    + """
known as (
    select fingerprint = %(fingerprint)s::bytea as is_same, user_message_id, reply_id
    from idempotency_keys
    where user_id = %(user_id)s and key = %(key)s::text
),
verdict as (
    select
        case
            when not known.is_same then 'key_reused'
            when exists (
                select from messages
                where user_id = %(user_id)s and id = %(user_message_id)s
                    and conversation_id is not distinct from %(conversation_id)s
            ) then 'repeated'
            when known.is_same then 'replayed'
            when seen.next_position is null then 'absent'
            when running.message_id is not null then 'busy'
            when cardinality(running.slots) >= %(max_generations)s::integer then 'full'
            else 'accepted'
        end as outcome,
        coalesce(known.user_message_id, %(user_message_id)s) as user_message_id,
        coalesce(known.reply_id, %(reply_id)s) as reply_id,
        running.message_id as running_id,
        running.epoch,
        running.slots as taken_slots,
        seen.head_id,
        seen.next_position
    from running left join seen on true left join known on true
),
path as (
    select m.*, case v.outcome when 'accepted' then 2 else 0 end as count
    from verdict as v join messages as m on m.user_id = %(user_id)s
        and m.id = case v.outcome when 'accepted' then v.head_id else v.reply_id end
    where v.outcome in ('repeated', 'replayed') or v.outcome = 'accepted' and %(history_limit)s::integer > 1
    union all
    select m.*, path.count + 1
    from path join messages as m on m.user_id = %(user_id)s and m.id = path.parent_id
    where path.count < %(history_limit)s::integer
),
moved as (
    update conversations as c
    set head_id = %(reply_id)s,
        next_position = v.next_position + 2,
        updated_at = greatest(c.updated_at, %(now)s),
        title = case when v.next_position = 1 and c.title_source = 'default' then %(title)s else c.title end,
        title_source = case when v.next_position = 1 and c.title_source = 'default' then 'auto'
            else c.title_source end
    from verdict as v
    where v.outcome = 'accepted' and c.user_id = %(user_id)s and c.id = %(conversation_id)s
        and c.next_position = v.next_position and c.head_id is not distinct from v.head_id
    returning v.head_id as question_parent_id, v.next_position as question_position,
        v.next_position + 1 as reply_position, c.model_tag as reply_model_tag, v.taken_slots,
        %(user_message_id)s::uuid as fallback_head_id
),
stored as (
    insert into messages (user_id, id, conversation_id, parent_id, position, role, content, status, model_tag,
        created_at)
    select %(user_id)s, %(user_message_id)s, %(conversation_id)s, question_parent_id, question_position, 'user',
        %(content)s, 'complete', null, %(now)s
    from moved
    union all
    select %(user_id)s, %(reply_id)s, %(conversation_id)s, %(user_message_id)s, reply_position, 'assistant', '',
        'streaming', reply_model_tag, %(now)s
    from moved
),
"""
    + _GENERATION
    + """
remembered as (
    insert into idempotency_keys (user_id, key, fingerprint, conversation_id, user_message_id, reply_id, created_at)
    select %(user_id)s, %(key)s, %(fingerprint)s, %(conversation_id)s, %(user_message_id)s, %(reply_id)s, %(now)s
    from moved
    where %(key)s::text is not null
),
said as (
    select *
    from path
)
"""
    + _ANSWER
)

# `path` counts from the message to be answered on: the newest user message at or above the head. The head itself is
# that message when its reply failed.
BEGIN_REGENERATION = (
    _STATE  # noqa: S608 - every part is a literal of this file
    + """
repeated as (
    select m.*, 0
    from messages as m
    where m.user_id = %(user_id)s and m.id = %(reply_id)s
        and m.conversation_id is not distinct from %(conversation_id)s
),
place as (
    select case when repeated.id is not null then repeated.parent_id else seen.head_id end as id
    from seen left join repeated on true
),
path as (
    select m.*, case m.role when 'user' then 1 else 0 end as count
    from place join messages as m on m.user_id = %(user_id)s and m.id = place.id
    union all
    select m.*, case when path.count > 0 or m.role = 'user' then path.count + 1 else 0 end
    from path join messages as m on m.user_id = %(user_id)s and m.id = path.parent_id
    where path.count < %(history_limit)s::integer
),
verdict as (
    select
        case
            when repeated.id is not null then 'repeated'
            when seen.next_position is null then 'absent'
            when answered.id is null then 'nothing'
            when running.message_id is not null then 'busy'
            when cardinality(running.slots) >= %(max_generations)s::integer then 'full'
            else 'accepted'
        end as outcome,
        answered.id as user_message_id,
        %(reply_id)s::uuid as reply_id,
        running.message_id as running_id,
        running.epoch,
        running.slots as taken_slots,
        seen.head_id,
        seen.next_position
    from running left join seen on true left join repeated on true
        left join path as answered on answered.count = 1 and answered.role = 'user'
),
moved as (
    update conversations as c
    set head_id = %(reply_id)s,
        next_position = v.next_position + 1,
        updated_at = greatest(c.updated_at, %(now)s)
    from verdict as v
    where v.outcome = 'accepted' and c.user_id = %(user_id)s and c.id = %(conversation_id)s
        and c.next_position = v.next_position and c.head_id is not distinct from v.head_id
    returning v.user_message_id, v.next_position as reply_position, c.model_tag as reply_model_tag, v.taken_slots,
        v.head_id as fallback_head_id
),
stored as (
    insert into messages (user_id, id, conversation_id, parent_id, position, role, content, status, model_tag,
        created_at)
    select %(user_id)s, %(reply_id)s, %(conversation_id)s, user_message_id, reply_position, 'assistant', '',
        'streaming', reply_model_tag, %(now)s
    from moved
),
"""
    + _GENERATION
    + """
said as (
    select *
    from path
    where count > 0
    union all
    select *
    from repeated
)
"""
    + _ANSWER
)
