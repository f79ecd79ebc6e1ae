"""Finds texts that are neither indexed nor waiting, and makes them wait."""

from typing import LiteralString
from uuid import UUID

from chatcore.ports.search import WalkPlace, WalkStep
from chatcore_postgres.driver.database import Database

# The page is read from the index of the primary key alone, and rows of the table only for messages that are missing.
ENQUEUE_UNINDEXED_MESSAGES = """
with page as materialized (
    select user_id, id
    from messages
    where (user_id, id) > (%(after_user_id)s, %(after_id)s)
    order by user_id, id
    limit %(limit)s
),
missing as materialized (
    select user_id, id
    from page
    where not exists (
        select from search_terms as t where t.user_id = page.user_id and t.message_id = page.id
    ) and not exists (
        select from search_queue as q where q.user_id = page.user_id and q.message_id = page.id
    )
),
queued as (
    insert into search_queue (user_id, conversation_id, message_id)
    select m.user_id, m.conversation_id, m.id
    from missing join messages as m on m.user_id = missing.user_id and m.id = missing.id
    where m.status <> 'streaming'
    returning message_id
)
select user_id, id, (select count(*) from page), (select count(*) from queued)
from page
order by user_id desc, id desc
limit 1
"""

ENQUEUE_UNINDEXED_TITLES = """
with page as materialized (
    select user_id, id, title
    from conversations
    where (user_id, id) > (%(after_user_id)s, %(after_id)s)
    order by user_id, id
    limit %(limit)s
),
queued as (
    insert into search_queue (user_id, conversation_id, message_id)
    select user_id, id, null::uuid
    from page
    where not exists (
        select
        from search_titles as t
        where t.user_id = page.user_id and t.conversation_id = page.id and t.title = page.title
    ) and not exists (
        select from search_queue as q where q.user_id = page.user_id and q.conversation_id = page.id
    )
    returning conversation_id
)
select user_id, id, (select count(*) from page), (select count(*) from queued)
from page
order by user_id desc, id desc
limit 1
"""

_FIRST = UUID(int=0)


async def enqueue_unindexed(database: Database, place: WalkPlace, limit: int) -> WalkStep:
    """Makes texts wait that are not indexed, as the port says."""
    statement: LiteralString = ENQUEUE_UNINDEXED_TITLES if place.is_among_titles else ENQUEUE_UNINDEXED_MESSAGES
    rows = await database.fetch(
        statement,
        {"after_user_id": place.user_id, "after_id": place.id or _FIRST, "limit": limit},
        plan_anew=True,
    )
    if not rows:
        return WalkStep(_behind(place), 0)
    ((user_id, id_, seen, enqueued),) = rows
    here = WalkPlace(is_among_titles=place.is_among_titles, user_id=user_id, id=id_)
    return WalkStep(here if seen == limit else _behind(place), enqueued)


def _behind(place: WalkPlace) -> WalkPlace | None:
    return None if place.is_among_titles else WalkPlace(is_among_titles=True)
