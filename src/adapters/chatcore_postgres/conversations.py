"""Stores conversations in PostgreSQL."""

from collections.abc import Mapping
from itertools import count
from uuid import UUID

from chatcore.conversations.changes import ConversationChanges
from chatcore.conversations.conversation import Conversation, OpenConversation
from chatcore.conversations.listing import Cursor, Page, PageRequest
from chatcore.conversations.message import ConversationId, Message
from chatcore.errors import ConversationNotFoundError
from chatcore.slices import taken_in_slices
from chatcore.user import UserId
from chatcore_postgres.driver.database import Connection, Database, fetch_on
from chatcore_postgres.rows import (
    CONVERSATION_COLUMNS,
    MESSAGE_COLUMNS,
    ONLY_CONVERSATION_COLUMNS,
    SETTABLE_COLUMNS,
    listed,
    to_conversations,
    to_messages,
    to_opened,
)

CREATE = f"""
insert into conversations (user_id, {listed(CONVERSATION_COLUMNS)})
values (%(user_id)s, {listed(f"%({name})s" for name in CONVERSATION_COLUMNS)})
on conflict (user_id, id) do nothing
returning id
"""  # noqa: S608 - the columns are literals

LIST_BY_OFFSET = f"""
select {listed(CONVERSATION_COLUMNS)}
from conversations
where user_id = %(user_id)s
order by updated_at desc, id desc
limit %(limit)s offset %(offset)s
"""  # noqa: S608 - the columns are literals

LIST_BY_CURSOR = f"""
select {listed(CONVERSATION_COLUMNS)}
from conversations
where user_id = %(user_id)s and (updated_at, id) < (%(after_updated_at)s, %(after_id)s)
order by updated_at desc, id desc
limit %(limit)s
"""  # noqa: S608 - the columns are literals

# These are the columns of a message for the row of the conversation, which has its own values where it has such
# columns. No message has position 0, so this row comes first.
_CONVERSATION_AS_MESSAGE = listed(
    name if name in CONVERSATION_COLUMNS else "0::bigint as position" if name == "position" else f"null as {name}"
    for name in MESSAGE_COLUMNS
)

# This is one statement, so that the head is among the messages. The conversation is a row of its own, with columns that
# are null in all other rows: repeating it in every row would cost as much as the messages themselves.
OPEN = f"""
select {_CONVERSATION_AS_MESSAGE}, {listed(ONLY_CONVERSATION_COLUMNS)}
from conversations
where user_id = %(user_id)s and id = %(conversation_id)s
union all
select {listed(MESSAGE_COLUMNS)}, {listed("null" for _ in ONLY_CONVERSATION_COLUMNS)}
from messages
where user_id = %(user_id)s and conversation_id = %(conversation_id)s
order by position
"""  # noqa: S608 - the columns are literals

# One statement serves all changes, so that the server plans it once. A column that does not change is set to itself.
UPDATE = f"""
update conversations
set {listed(f"{name} = case when %(sets_{name})s then %({name})s else {name} end" for name in SETTABLE_COLUMNS)},
    title_source = case when %(sets_title)s then 'user' else title_source end
where user_id = %(user_id)s and id = %(conversation_id)s
returning {listed(CONVERSATION_COLUMNS)}
"""  # noqa: S608 - the columns are literals

# The foreign keys delete messages, the running reply with its deltas, and idempotency keys.
DELETE = """
delete from conversations
where user_id = %(user_id)s and id = %(conversation_id)s
returning id
"""


async def create(database: Database, conversation: Conversation) -> None:
    """Stores a new conversation, as the port says."""
    values = {name: getattr(conversation, name) for name in CONVERSATION_COLUMNS}
    values["title_source"] = conversation.title_source.value
    await database.fetch(CREATE, {"user_id": conversation.user_id, **values})


async def list_page(database: Database, user_id: UserId, request: PageRequest) -> Page:
    """Returns a page of the user's conversations, as the port says."""
    # One row more than requested tells whether another page follows.
    limit = request.limit + 1
    if request.cursor is None:
        parameters: dict[str, object] = {"user_id": user_id, "limit": limit, "offset": request.offset}
        rows = await database.fetch(LIST_BY_OFFSET, parameters)
    else:
        after = {"after_updated_at": request.cursor.updated_at, "after_id": request.cursor.id}
        parameters = {"user_id": user_id, "limit": limit, **after}
        rows = await database.fetch(LIST_BY_CURSOR, parameters)
    found = tuple(to_conversations(user_id, rows[: request.limit]))
    return Page(found, Cursor.after(found[-1]) if len(rows) > request.limit else None)


async def open_with_messages(database: Database, user_id: UserId, conversation_id: ConversationId) -> OpenConversation:
    """Returns a conversation with all its messages, as the port says."""
    rows = await database.fetch(OPEN, _key(user_id, conversation_id))
    if not rows:
        raise ConversationNotFoundError
    conversation = to_opened(user_id, rows.pop(0))
    messages: list[Message] = []
    async for part in taken_in_slices(rows):
        messages += to_messages(user_id, conversation_id, part)
    return OpenConversation(conversation, tuple(messages))


async def update(
    database: Database, user_id: UserId, conversation_id: ConversationId, changes: ConversationChanges
) -> Conversation:
    """Applies changes to a conversation, as the port says."""
    rows = await database.fetch(UPDATE, {**_key(user_id, conversation_id), **_change_parameters(changes)})
    if not rows:
        raise ConversationNotFoundError
    return to_conversations(user_id, rows)[0]


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


def _key(user_id: UserId, conversation_id: ConversationId) -> dict[str, str | UUID]:
    return {"user_id": user_id, "conversation_id": conversation_id}


def _change_parameters(changes: ConversationChanges) -> Mapping[str, object]:
    values = changes.values()
    is_set: dict[str, object] = {f"sets_{name}": name in values for name in SETTABLE_COLUMNS}
    return {**is_set, **SETTABLE_COLUMNS, **values}
