"""Deletes many conversations in PostgreSQL."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from chatcore.conversations.message import ConversationId
from chatcore.ports import WalkCursor, WalkedPage
from chatcore.user import UserId
from chatcore_postgres.changes import record_deletions
from chatcore_postgres.driver.database import Database

DELETE_SOME = f"""
with deleted as (
    delete from conversations
    where user_id = %(user_id)s and id in (
        select id
        from conversations
        where user_id = %(user_id)s
        order by id
        limit %(limit)s
    )
    returning user_id, id
)
{record_deletions("deleted")}
returning id
"""  # noqa: S608 - the insert is a literal

# The walk follows the primary key, so that no index has to be kept for it. A row that another transaction changes is
# looked at again after that transaction, and so are the conditions on `c`.
DELETE_UNTOUCHED = f"""
with page as (
    select user_id, id, updated_at, is_pinned
    from conversations
    where (user_id, id) > (%(after_user_id)s, %(after_id)s)
    order by user_id, id
    limit %(limit)s
),
deleted as (
    delete from conversations as c
    using page
    where c.user_id = page.user_id and c.id = page.id
        and page.updated_at < now() - %(age)s::interval and not page.is_pinned
        and c.updated_at < now() - %(age)s::interval and not c.is_pinned
        and not exists (
            select
            from generations as g
            where g.user_id = c.user_id and g.conversation_id = c.id
        )
    returning c.user_id, c.id
),
recorded as (
    {record_deletions("deleted")}
)
select user_id, id, (select count(*) from page), (select count(*) from deleted)
from page
order by user_id desc, id desc
limit 1
"""  # noqa: S608 - the insert is a literal

# Comes before all conversations: no user has an empty id.
_BEGINNING = WalkCursor("", ConversationId(UUID(int=0)))


async def delete_some(database: Database, user_id: UserId, limit: int) -> Sequence[ConversationId]:
    """Deletes conversations of a user, as the port says."""
    return [id_ for (id_,) in await database.fetch(DELETE_SOME, {"user_id": user_id, "limit": limit})]


async def delete_untouched(database: Database, age: timedelta, after: WalkCursor | None, limit: int) -> WalkedPage:
    """Deletes the old conversations of a page, as the port says."""
    begin = after or _BEGINNING
    parameters = {"after_user_id": begin.user_id, "after_id": begin.conversation_id, "age": age, "limit": limit}
    # A plan for all values would expect so large a page that it reads the whole table.
    rows = await database.fetch(DELETE_UNTOUCHED, parameters, plan_anew=True)
    if not rows:
        return WalkedPage(deleted=0, next=None)
    ((user_id, id_, walked, deleted),) = rows
    return WalkedPage(deleted=deleted, next=WalkCursor(user_id, id_) if walked == limit else None)
