"""Stores conversations in PostgreSQL."""

from collections.abc import Mapping, Sequence
from itertools import count
from typing import LiteralString
from uuid import UUID

from chatcore.conversations.changes import ConversationChanges, HeadChoice
from chatcore.conversations.conversation import Conversation
from chatcore.conversations.listing import MAX_PINNED, Cursor, Page, PageRequest
from chatcore.conversations.message import ConversationId
from chatcore.conversations.path import unknown_message
from chatcore.errors import ConversationNotFoundError
from chatcore.user import UserId
from chatcore_postgres.changes import record_deletions
from chatcore_postgres.driver.database import Connection, Database, Row, fetch_on
from chatcore_postgres.rows import CONVERSATION_COLUMNS, active_reply_of, change_number, listed, to_conversations
from chatcore_postgres.search.queue import queue_titles
from chatcore_postgres.trees import subtree_of

#: The columns that a user can change. The value is sent for a column that does not change: it has the type of the
#: column, because the server prepares a statement once for every combination of types.
SETTABLE_COLUMNS: Mapping[LiteralString, object] = {
    "title": "",
    "is_pinned": False,
    "is_archived": False,
    "model_tag": "",
    "instructions": "",
}

CREATE = f"""
with created as (
    insert into conversations (user_id, {listed(CONVERSATION_COLUMNS)}, changed_xid)
    values (%(user_id)s, {listed(f"%({name})s" for name in CONVERSATION_COLUMNS)}, {change_number()})
    on conflict (user_id, id) do nothing
    returning id
)
{queue_titles("created")}
returning conversation_id
"""  # noqa: S608 - the columns are literals

# The running replies are looked up for the conversations of the page only, and not for those that an offset skips.
#
# Only the first page asks for pinned conversations. They take an index of their own, since a pinned conversation may be
# older than all others.
LIST_BY_OFFSET = f"""
select {listed(CONVERSATION_COLUMNS)}, {active_reply_of("listed")}, in_page
from (
    select *
    from (
        select {listed(CONVERSATION_COLUMNS)}, true as in_page
        from conversations
        where user_id = %(user_id)s and is_archived = %(is_archived)s
        order by updated_at desc, id desc
        limit %(limit)s offset %(offset)s
    ) as page
    union all
    select *
    from (
        select {listed(CONVERSATION_COLUMNS)}, false as in_page
        from conversations
        where user_id = %(user_id)s and is_archived = %(is_archived)s and is_pinned
        order by updated_at desc, id desc
        limit %(max_pinned)s
    ) as pinned
) as listed
order by updated_at desc, id desc
"""  # noqa: S608 - the columns are literals

LIST_BY_CURSOR = f"""
select {listed(CONVERSATION_COLUMNS)}, {active_reply_of("conversations")}, true as in_page
from conversations
where user_id = %(user_id)s and is_archived = %(is_archived)s
    and (updated_at, id) < (%(after_updated_at)s, %(after_id)s)
order by updated_at desc, id desc
limit %(limit)s
"""  # noqa: S608 - the columns are literals

GET = f"""
select {listed(CONVERSATION_COLUMNS)}, {active_reply_of("conversations")}
from conversations
where user_id = %(user_id)s and id = %(conversation_id)s
"""  # noqa: S608 - the columns are literals

# One statement serves all changes, so that the server plans it once. A column that does not change is set to itself.
_SETTINGS: LiteralString = listed(
    (
        *(f"{name} = case when %(sets_{name})s then %({name})s else {name} end" for name in SETTABLE_COLUMNS),
        "title_source = case when %(sets_title)s then 'user' else title_source end",
        f"changed_xid = {change_number()}",
    )
)

UPDATE = f"""
with changed as (
    update conversations
    set {_SETTINGS}
    where user_id = %(user_id)s and id = %(conversation_id)s
    returning {listed(CONVERSATION_COLUMNS)}
),
to_index as (
    {queue_titles("changed")}
    where %(sets_title)s
)
select {listed(CONVERSATION_COLUMNS)}, {active_reply_of("changed")}
from changed
"""  # noqa: S608 - the columns are literals

# The head moves as well. The outcome is `stale` when a turn was begun or a message was deleted since the snapshot: the
# chosen message may be gone.
UPDATE_WITH_HEAD = f"""
with seen as (
    select next_position
    from conversations
    where user_id = %(user_id)s and id = %(conversation_id)s
),
chosen as (
    select id
    from ({subtree_of("%(head_id)s", "%(follow)s::boolean")}
    ) as below
    order by position desc
    limit 1
),
changed as (
    update conversations as c
    set {_SETTINGS},
        head_id = chosen.id
    from seen cross join chosen
    where c.user_id = %(user_id)s and c.id = %(conversation_id)s and c.next_position = seen.next_position
    returning {listed(f"c.{name}" for name in CONVERSATION_COLUMNS)}
)
select case
        when seen.next_position is null then 'absent'
        when chosen.id is null then 'no_message'
        when changed.id is null then 'stale'
        else 'done'
    end,
    {listed(f"changed.{name}" for name in CONVERSATION_COLUMNS)}, {active_reply_of("changed")}
from (select 1) as always left join seen on true left join chosen on true left join changed on true
"""  # noqa: S608 - the columns and the query are literals

REPLACE_AUTO_TITLE = f"""
with changed as (
    update conversations
    set title = %(new)s, changed_xid = {change_number()}
    where user_id = %(user_id)s and id = %(conversation_id)s and title = %(old)s and title_source = 'auto'
    returning id
)
{queue_titles("changed")}
returning conversation_id
"""  # noqa: S608 - the expression is a literal

# The foreign keys delete messages, the running reply with its deltas, and idempotency keys.
DELETE = f"""
with deleted as (
    delete from conversations
    where user_id = %(user_id)s and id = %(conversation_id)s
    returning user_id, id
)
{record_deletions("deleted")}
returning id
"""  # noqa: S608 - the insert is a literal


async def create(database: Database, conversation: Conversation) -> bool:
    """Stores a new conversation, as the port says."""
    values = {name: getattr(conversation, name) for name in CONVERSATION_COLUMNS}
    values["title_source"] = conversation.title_source.value
    return bool(await database.fetch(CREATE, {"user_id": conversation.user_id, **values}))


async def list_page(database: Database, user_id: UserId, request: PageRequest) -> Page:
    """Returns a page of the user's conversations, as the port says."""
    # One row more than requested tells whether another page follows.
    parameters = {"user_id": user_id, "is_archived": request.is_archived, "limit": request.limit + 1}
    if request.cursor is None:
        place = {"offset": request.offset, "max_pinned": MAX_PINNED if request.is_first else 0}
        rows = await database.fetch(LIST_BY_OFFSET, {**parameters, **place})
    else:
        after = {"after_updated_at": request.cursor.updated_at, "after_id": request.cursor.id}
        rows = await database.fetch(LIST_BY_CURSOR, {**parameters, **after})
    found = tuple(to_conversations(user_id, [row[:-1] for row in rows if row[-1]]))
    pinned = tuple(to_conversations(user_id, [row[:-1] for row in rows if not row[-1]]))
    page = found[: request.limit]
    return Page(page, Cursor.after(page[-1]) if len(found) > len(page) else None, pinned)


async def get(database: Database, user_id: UserId, conversation_id: ConversationId) -> Conversation:
    """Returns a conversation without its messages, as the port says."""
    return _one(user_id, await database.fetch(GET, _key(user_id, conversation_id)))


async def update(
    database: Database,
    user_id: UserId,
    conversation_id: ConversationId,
    changes: ConversationChanges,
    head: HeadChoice | None,
) -> Conversation:
    """Applies changes to a conversation, as the port says."""
    parameters = {**_key(user_id, conversation_id), **_change_parameters(changes)}
    if head is None:
        return _one(user_id, await database.fetch(UPDATE, parameters))
    parameters |= {"head_id": head.message_id, "follow": head.follow}
    ((outcome, *conversation),) = await database.fetch_definite(UPDATE_WITH_HEAD, parameters)
    if outcome == "no_message":
        raise unknown_message("head_id")
    return _one(user_id, [tuple(conversation)] if outcome == "done" else [])


async def replace_auto_title(
    database: Database, user_id: UserId, conversation_id: ConversationId, *, old: str, new: str
) -> None:
    """Replaces a title that no user chose, as the port says."""
    await database.fetch(REPLACE_AUTO_TITLE, {**_key(user_id, conversation_id), "old": old, "new": new})


async def delete(database: Database, user_id: UserId, conversation_id: ConversationId) -> None:
    """Deletes a conversation, as the port says."""
    tries = count(1)

    async def unit(connection: Connection) -> bool:
        is_first = next(tries) == 1
        deleted = await fetch_on(connection, DELETE, _key(user_id, conversation_id))
        # A repeat finds nothing because the previous try, whose answer was lost, took effect.
        return bool(deleted) or not is_first

    if not await database.run(unit):
        raise ConversationNotFoundError


def _one(user_id: UserId, rows: Sequence[Row]) -> Conversation:
    if not rows:
        raise ConversationNotFoundError
    return to_conversations(user_id, rows)[0]


def _key(user_id: UserId, conversation_id: ConversationId) -> dict[str, str | UUID]:
    return {"user_id": user_id, "conversation_id": conversation_id}


def _change_parameters(changes: ConversationChanges) -> Mapping[str, object]:
    values = changes.values()
    is_set: dict[str, object] = {f"sets_{name}": name in values for name in SETTABLE_COLUMNS}
    return {**is_set, **SETTABLE_COLUMNS, **values}
