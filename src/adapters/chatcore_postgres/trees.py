"""Reads and deletes parts of trees in PostgreSQL."""

from collections.abc import Collection, Mapping
from itertools import count
from typing import LiteralString

from chatcore.conversations.message import ConversationId, MessageId
from chatcore.errors import GenerationInProgressError, MessageNotFoundError
from chatcore.user import UserId
from chatcore_postgres.driver.arrays import Uuids
from chatcore_postgres.driver.database import Connection, Database, fetch_on
from chatcore_postgres.driver.transaction import several_round_trips
from chatcore_postgres.rows import change_number, siblings_of

READ_SIBLINGS = f"""
select m.id, {siblings_of()}
from messages as m
where m.user_id = %(user_id)s and m.id = any(%(message_ids)s::uuid[])
    and m.conversation_id is not distinct from %(conversation_id)s
"""  # noqa: S608 - the expression is a literal

# While the row is locked, no reply begins or ends in the conversation. The statements after this one see everything
# that was stored before the lock was granted.
LOCK_TREE = """
select id
from conversations
where user_id = %(user_id)s and id = %(conversation_id)s
for no key update
"""

READ_DELETABLE = """
select m.parent_id, (
    select message_id
    from generations
    where user_id = %(user_id)s and conversation_id = %(conversation_id)s
)
from messages as m
where m.user_id = %(user_id)s and m.id = %(message_id)s and m.conversation_id is not distinct from %(conversation_id)s
"""


def subtree_of(start: LiteralString, condition: LiteralString = "true") -> LiteralString:
    """Returns the query for a message and all messages below it, which looks up the children of each message.

    Args:
        start: the expression for the id of the message.
        condition: the condition for looking below it.
    """
    return f"""
    with recursive down as (
        select id, position
        from messages
        where user_id = %(user_id)s and id = {start} and conversation_id is not distinct from %(conversation_id)s
        union all
        select child.id, child.position
        from down cross join lateral (
            select id, position
            from messages
            where user_id = %(user_id)s and coalesce(parent_id, conversation_id) = down.id and parent_id = down.id
                and {condition}
            offset 0
        ) as child
    )
    select id, position
    from down"""  # noqa: S608 - the parts are literals


# A turn that has seen one of the messages and waits for the lock finds another position and looks again. The foreign
# keys delete what the messages have besides their text.
DELETE_SUBTREE = f"""
with subtree as ({subtree_of("%(message_id)s")}
),
deleted as (
    delete from messages
    where user_id = %(user_id)s and id = any(array(select id from subtree))
),
forgotten as (
    delete from idempotency_keys
    where user_id = %(user_id)s and conversation_id = %(conversation_id)s
        and (reply_id in (select id from subtree) or user_message_id in (select id from subtree))
)
update conversations
set next_position = next_position + 1, changed_xid = {change_number()}
where user_id = %(user_id)s and id = %(conversation_id)s
returning head_id in (select id from subtree)
"""  # noqa: S608 - the query is a literal

MOVE_HEAD = f"""
update conversations
set changed_xid = {change_number()}, head_id = case when %(parent_id)s::uuid is null then (
        select id
        from messages
        where user_id = %(user_id)s and conversation_id = %(conversation_id)s
        order by position desc
        limit 1
    ) else (
        select id
        from ({subtree_of("%(parent_id)s")}
        ) as below
        order by position desc
        limit 1
    ) end
where user_id = %(user_id)s and id = %(conversation_id)s
returning id
"""  # noqa: S608 - the query is a literal


async def read_siblings(
    database: Database, user_id: UserId, conversation_id: ConversationId, message_ids: Collection[MessageId]
) -> Mapping[MessageId, tuple[MessageId, ...]]:
    """Returns the siblings of messages, as the port says."""
    names = {"user_id": user_id, "conversation_id": conversation_id, "message_ids": Uuids(message_ids)}
    return {id_: tuple(siblings) for id_, siblings in await database.fetch(READ_SIBLINGS, names)}


async def delete_message(
    database: Database, user_id: UserId, conversation_id: ConversationId, message_id: MessageId
) -> None:
    """Deletes a message with all messages below it, as the port says."""
    names = {"user_id": user_id, "conversation_id": conversation_id, "message_id": message_id}
    tries = count(1)

    async def unit(connection: Connection) -> bool:
        is_first = next(tries) == 1
        async with several_round_trips(connection):
            await fetch_on(connection, LOCK_TREE, names)
            found = await fetch_on(connection, READ_DELETABLE, names)
            if not found:
                # A repeat finds nothing because the previous try, whose answer was lost, took effect.
                return not is_first
            ((parent_id, running_id),) = found
            if running_id is not None:
                raise GenerationInProgressError(conversation_id, running_id)
            ((is_head_deleted,),) = await fetch_on(connection, DELETE_SUBTREE, names)
            if is_head_deleted:
                await fetch_on(connection, MOVE_HEAD, {**names, "parent_id": parent_id})
            return True

    if not await database.run(unit):
        raise MessageNotFoundError
