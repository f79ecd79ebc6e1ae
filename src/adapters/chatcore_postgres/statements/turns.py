"""Beginning a turn or a regeneration: one statement, one round trip.

Both look first and write then, all in one statement. `verdict` says what is to happen, and every insert and update
takes its rows from it, so a refusal writes nothing.

**Stale snapshots.** A statement sees the database as it was when it began. `conversation` waits for the row's lock and
then returns the row as it is *now*, while everything else still shows the moment before the wait: another turn may
have been stored meanwhile, with a key, a generation and messages that this statement cannot see. `seen` is the same
row without the lock, that is, as the snapshot shows it. Where the two differ the verdict is `stale`, nothing is
written, and the caller sends the statement again: a new snapshot gives the definite answer.

What no lock orders, two turns of a user in different conversations that want one slot or one key, meets in a unique
constraint instead. The caller sends the statement again then as well (see :mod:`chatcore_postgres.failures`).

The conversation's row is locked before anything else is touched, by every statement that needs both: this one, the
end of a reply, and the deletion. In any other order they could wait for each other.

Where a message is looked up by its id, `conversation_id is not distinct from` compares and does no more: with a plain
`=` the planner, which believes that few rows share a conversation, may read the whole conversation by its other index.
"""

_STATE = """
with recursive
conversation as (
    select model_tag, title_source, head_id, next_position
    from conversations
    where user_id = %(user_id)s and id = %(conversation_id)s
    for no key update
),
seen as (
    select head_id, next_position
    from conversations
    where user_id = %(user_id)s and id = %(conversation_id)s
),
running as (
    select message_id, owner_id, epoch
    from generations
    where user_id = %(user_id)s and conversation_id = %(conversation_id)s
),
taken as (
    select coalesce(array_agg(slot), '{}') as slots
    from generations
    where user_id = %(user_id)s
),
free as (
    select array_agg(slot) as slots
    from generate_series(1, %(max_generations)s::integer) as slot, taken
    where slot <> all (taken.slots)
),
"""

# What is stored for either, once the verdict is in. Which of the free slots is taken depends on the reply's id: turns
# that begin at the same moment rarely want the same one.
_REPLY = """
reply as (
    insert into messages (user_id, id, conversation_id, parent_id, position, role, content, status, model_tag,
        created_at)
    select %(user_id)s, %(reply_id)s, %(conversation_id)s, user_message_id, reply_position, 'assistant', '',
        'streaming', model_tag, %(now)s
    from verdict
    where outcome = 'accepted'
    returning *
),
generation as (
    insert into generations (user_id, conversation_id, message_id, slot, owner_id, epoch, lease_until,
        fallback_head_id, started_at)
    select %(user_id)s, %(conversation_id)s, %(reply_id)s, slots[1 + %(choice)s::integer % cardinality(slots)],
        %(owner_id)s, 1, now() + make_interval(secs => %(lease_seconds)s), fallback_head_id, %(now)s
    from verdict, free
    where outcome = 'accepted'
),
"""

# The first row of the answer is the oldest message of the history, the last is the reply; a refusal is one row
# without a message.
_ANSWER = """
select v.outcome, v.user_message_id, v.reply_id, v.running_id, v.epoch, m.id, m.parent_id, m.position, m.role,
    m.content, m.status, m.error, m.token_count, m.model_tag, m.inference_time_ms, m.created_at
from verdict as v left join said as m on true
order by m.role = 'system' desc, m.position
"""

# `path` counts from the new message on; system messages go along in any case and do not count.
#
# A repeat of a turn whose answer was lost is known by its message's id. It gets what the first one got: the lease too,
# if that still is ours.
BEGIN_TURN = (
    _STATE  # noqa: S608 - every part is a literal of this file
    + """
known as (
    select fingerprint = %(fingerprint)s::bytea as is_same, user_message_id, reply_id
    from idempotency_keys
    where user_id = %(user_id)s and key = %(key)s::text
),
repeated as (
    select true as is_there, parent_id
    from messages
    where user_id = %(user_id)s and id = %(user_message_id)s
        and conversation_id is not distinct from %(conversation_id)s
),
verdict as (
    select
        case
            when not known.is_same then 'key_reused'
            when repeated.is_there then 'repeated'
            when known.is_same then 'replayed'
            when conversation.next_position is null then 'absent'
            when (conversation.head_id, conversation.next_position)
                is distinct from (seen.head_id, seen.next_position) then 'stale'
            when running.message_id is not null then 'busy'
            when cardinality(taken.slots) >= %(max_generations)s::integer then 'full'
            else 'accepted'
        end as outcome,
        coalesce(known.user_message_id, %(user_message_id)s) as user_message_id,
        coalesce(known.reply_id, %(reply_id)s) as reply_id,
        case when repeated.is_there then repeated.parent_id else conversation.head_id end as parent_id,
        running.message_id as running_id,
        case when running.owner_id = %(owner_id)s then running.epoch end as epoch,
        conversation.model_tag,
        conversation.next_position as position,
        conversation.next_position + 1 as reply_position,
        conversation.next_position = 1 and conversation.title_source = 'default' as takes_title,
        %(user_message_id)s::uuid as fallback_head_id
    from taken left join conversation on true left join seen on true left join running on true
        left join known on true left join repeated on true
),
path as (
    select m.*, 1 + (m.role <> 'system')::integer as count
    from verdict as v join messages as m on m.user_id = %(user_id)s and m.id = v.parent_id
    where v.outcome in ('accepted', 'repeated') and %(history_limit)s::integer > 1
    union all
    select m.*, path.count + (m.role <> 'system')::integer
    from path join messages as m on m.user_id = %(user_id)s and m.id = path.parent_id
    where path.count < %(history_limit)s::integer
),
question as (
    insert into messages (user_id, id, conversation_id, parent_id, position, role, content, status, created_at)
    select %(user_id)s, %(user_message_id)s, %(conversation_id)s, parent_id, position, 'user', %(content)s,
        'complete', %(now)s
    from verdict
    where outcome = 'accepted'
    returning *
),
"""
    + _REPLY
    + """
remembered as (
    insert into idempotency_keys (user_id, key, fingerprint, conversation_id, user_message_id, reply_id, created_at)
    select %(user_id)s, %(key)s, %(fingerprint)s, %(conversation_id)s, %(user_message_id)s, %(reply_id)s, %(now)s
    from verdict
    where outcome = 'accepted' and %(key)s::text is not null
),
moved as (
    update conversations as c
    set head_id = %(reply_id)s,
        next_position = v.position + 2,
        updated_at = greatest(c.updated_at, %(now)s),
        title = case when v.takes_title then %(title)s else c.title end,
        title_source = case when v.takes_title then 'auto' else c.title_source end
    from verdict as v
    where v.outcome = 'accepted' and c.user_id = %(user_id)s and c.id = %(conversation_id)s
),
said as (
    select *
    from path
    where role <> 'system'
    union all
    select m.*, 0
    from verdict as v join messages as m on m.user_id = %(user_id)s and m.conversation_id = %(conversation_id)s
        and m.role = 'system'
    where v.outcome in ('accepted', 'repeated')
    union all
    select m.*, 0
    from verdict as v join messages as m on m.user_id = %(user_id)s and m.id in (v.user_message_id, v.reply_id)
    where v.outcome in ('repeated', 'replayed')
    union all
    select *, 0
    from question
    union all
    select *, 0
    from reply
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
    select true as is_there, parent_id
    from messages
    where user_id = %(user_id)s and id = %(reply_id)s and conversation_id is not distinct from %(conversation_id)s
),
place as (
    select case when repeated.is_there then repeated.parent_id else conversation.head_id end as id
    from conversation left join repeated on true
),
path as (
    select m.*, case m.role when 'user' then 1 else 0 end as count
    from place join messages as m on m.user_id = %(user_id)s and m.id = place.id
    union all
    select m.*, case when path.count > 0 or m.role = 'user' then path.count + (m.role <> 'system')::integer else 0 end
    from path join messages as m on m.user_id = %(user_id)s and m.id = path.parent_id
    where path.count < %(history_limit)s::integer
),
verdict as (
    select
        case
            when repeated.is_there then 'repeated'
            when conversation.next_position is null then 'absent'
            when (conversation.head_id, conversation.next_position)
                is distinct from (seen.head_id, seen.next_position) then 'stale'
            when answered.id is null then 'nothing'
            when running.message_id is not null then 'busy'
            when cardinality(taken.slots) >= %(max_generations)s::integer then 'full'
            else 'accepted'
        end as outcome,
        answered.id as user_message_id,
        %(reply_id)s::uuid as reply_id,
        running.message_id as running_id,
        case when running.owner_id = %(owner_id)s then running.epoch end as epoch,
        conversation.model_tag,
        conversation.next_position as reply_position,
        conversation.head_id as fallback_head_id
    from taken left join conversation on true left join seen on true left join running on true
        left join repeated on true left join path as answered on answered.count = 1 and answered.role = 'user'
),
"""
    + _REPLY
    + """
moved as (
    update conversations as c
    set head_id = %(reply_id)s,
        next_position = v.reply_position + 1,
        updated_at = greatest(c.updated_at, %(now)s)
    from verdict as v
    where v.outcome = 'accepted' and c.user_id = %(user_id)s and c.id = %(conversation_id)s
),
said as (
    select m.*
    from verdict as v join path as m on m.count > 0 and m.role <> 'system'
    where v.outcome in ('accepted', 'repeated')
    union all
    select m.*, 0
    from verdict as v join messages as m on m.user_id = %(user_id)s and m.conversation_id = %(conversation_id)s
        and m.role = 'system'
    where v.outcome in ('accepted', 'repeated')
    union all
    select m.*, 0
    from verdict as v join messages as m on m.user_id = %(user_id)s and m.id = v.reply_id
    where v.outcome = 'repeated'
    union all
    select *, 0
    from reply
)
"""
    + _ANSWER
)
