"""Conversations, and reading what is in them."""

from collections.abc import Mapping
from typing import LiteralString

from chatcore.conversations.changes import ConversationChanges
from chatcore_postgres import rows

#: The columns that a user can change. The value is sent for a column that does not change: it has the column's type,
#: because the server prepares a statement anew for every combination of types.
SETTABLE_COLUMNS: Mapping[LiteralString, object] = {"title": ""}

CREATE = """
insert into conversations (user_id, id, title, title_source, model_tag, head_id, created_at, updated_at)
values (%(user_id)s, %(id)s, %(title)s, %(title_source)s, %(model_tag)s, null, %(created_at)s, %(updated_at)s)
on conflict (user_id, id) do nothing
returning id
"""

LIST_BY_OFFSET = """
select id, title, title_source, model_tag, head_id, created_at, updated_at
from conversations
where user_id = %(user_id)s
order by updated_at desc, id desc
limit %(limit)s offset %(offset)s
"""

LIST_BY_CURSOR = """
select id, title, title_source, model_tag, head_id, created_at, updated_at
from conversations
where user_id = %(user_id)s and (updated_at, id) < (%(after_updated_at)s, %(after_id)s)
order by updated_at desc, id desc
limit %(limit)s
"""

# One statement, so that the head is among the messages. The conversation is the first row, at the position that no
# message has: in columns of its own, because repeating it on every row costs as much as the messages themselves.
OPEN = f"""
select id, null::uuid as parent_id, 0::bigint as position, null::text as role, null::text as content,
    null::text as status, null::text as error, null::integer as token_count, model_tag,
    null::integer as inference_time_ms, created_at, title, title_source, head_id, updated_at
from conversations
where user_id = %(user_id)s and id = %(conversation_id)s
union all
select {rows.MESSAGE_COLUMNS}, null, null, null, null
from messages
where user_id = %(user_id)s and conversation_id = %(conversation_id)s
order by position
"""  # noqa: S608 - the columns are a literal

# One statement for all changes, so that the server plans it once. A column that does not change is set to itself;
# `greatest` ignores null.
UPDATE = f"""
update conversations
set {", ".join(f"{name} = case when %(sets_{name})s then %({name})s else {name} end" for name in SETTABLE_COLUMNS)},
    title_source = case when %(sets_title)s then 'user' else title_source end,
    updated_at = greatest(updated_at, %(updated_at)s)
where user_id = %(user_id)s and id = %(conversation_id)s
returning id, title, title_source, model_tag, head_id, created_at, updated_at
"""  # noqa: S608 - the columns are literals


def change_parameters(changes: ConversationChanges) -> dict[str, object]:
    """Returns the parameters of :data:`UPDATE` for `changes`."""
    values = changes.values()
    is_set: dict[str, object] = {f"sets_{name}": name in values for name in SETTABLE_COLUMNS}
    return {**is_set, **SETTABLE_COLUMNS, **values, "updated_at": changes.updated_at}


# Messages, the reply in the making with its deltas, and keys go by cascade.
DELETE = """
delete from conversations
where user_id = %(user_id)s and id = %(conversation_id)s
returning id
"""

# Why `is not distinct from`: see :mod:`chatcore_postgres.statements.turns`.
GET_MESSAGE = f"""
select {rows.MESSAGE_COLUMNS}
from messages
where user_id = %(user_id)s and id = %(message_id)s and conversation_id is not distinct from %(conversation_id)s
"""  # noqa: S608 - the columns are a literal

# The owner reads the flag with its next checkpoint; when there is no generation any more there is nothing to ask.
REQUEST_STOP = f"""
with asked as (
    update generations set stop_requested = true
    where user_id = %(user_id)s and conversation_id = %(conversation_id)s and message_id = %(message_id)s
        and not stop_requested
)
select {rows.MESSAGE_COLUMNS}
from messages
where user_id = %(user_id)s and id = %(message_id)s and conversation_id is not distinct from %(conversation_id)s
"""  # noqa: S608 - the columns are a literal
