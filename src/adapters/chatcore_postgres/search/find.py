"""Finds messages and titles by their terms."""

from collections.abc import Collection, Mapping, Sequence
from typing import LiteralString

from attrs import frozen

from chatcore.conversations.conversation import Conversation
from chatcore.conversations.message import MessageId
from chatcore.ports.search import MAX_CANDIDATES, MAX_CONVERSATIONS, Candidates
from chatcore.search.listing import Candidate, SearchPlace
from chatcore.search.query import QueryTerm
from chatcore.search.terms import MAX_INDEXED_CHARS
from chatcore.user import UserId
from chatcore_postgres.driver.arrays import Uuids
from chatcore_postgres.driver.database import Parameters, Row
from chatcore_postgres.driver.database_share import DatabaseShare
from chatcore_postgres.rows import CONVERSATION_COLUMNS, active_reply_of, listed, to_conversations
from chatcore_postgres.search.terms import as_query

# Where more texts have the terms, they are looked for in the newest conversations instead.
_MOST_FOUND: LiteralString = "2000"
# So many messages of so many of the newest conversations are looked through: a few first, and then more if many of
# these conversations have the terms. The last conversation is looked through to its end.
_CONVERSATIONS_LOOKED_THROUGH = 50
_LOOKED_THROUGH_FIRST = 200
_LOOKED_THROUGH = 4000
# One conversation of so many is many.
_MANY = 3

# The indexes by user have another collation, so that the planner cannot read all texts of the user from one of them
# besides. No result depends on it: equal is equal in both.
_OF_USER: LiteralString = 'user_id = %(user_id)s collate "C"'

_FIRST_CANDIDATES: LiteralString = """
    (array_agg(message_id order by position desc))[:%(max_candidates)s] as message_ids,
    (array_agg(position order by position desc))[:%(max_candidates)s] as positions
"""

# The first row says whether more texts may have the terms than were found.
FIND_CANDIDATES = f"""
with messages_found as materialized (
    select conversation_id, message_id, position
    from search_terms
    where {_OF_USER} and terms @@ %(query)s::tsquery
),
titles_found as materialized (
    select conversation_id, conversation_id as message_id, 0::bigint as position
    from search_titles
    where {_OF_USER} and terms @@ %(query)s::tsquery
),
found as materialized (
    (select * from messages_found limit {_MOST_FOUND})
    union all
    (select * from titles_found limit {_MOST_FOUND})
),
candidates as (
    select conversation_id, {_FIRST_CANDIDATES}
    from found
    where (select count(*) from found) < {_MOST_FOUND}
        and (conversation_id <> %(conversation_id)s or position < %(position)s)
    group by conversation_id
),
page as (
    select {listed(CONVERSATION_COLUMNS)}, {active_reply_of("conversations")}, message_ids, positions
    from candidates join conversations on user_id = %(user_id)s and id = candidates.conversation_id
    where (updated_at, id) <= (%(updated_at)s, %(conversation_id)s)
    order by updated_at desc, id desc
    limit %(max_conversations)s
)
select page.*, total.found >= {_MOST_FOUND}
from (select count(*) as found from found) as total left join page on true
order by page.updated_at desc, page.id desc
"""  # noqa: S608 - the columns are literals

# The terms are compared in each row: the index would find all of the many texts, for each conversation anew. The last
# row is the last conversation that was looked through, without candidates.
FIND_CANDIDATES_IN_NEWEST = f"""
with newest as (
    select {listed(CONVERSATION_COLUMNS)}, {active_reply_of("conversations")}, next_position
    from conversations
    where user_id = %(user_id)s and (updated_at, id) <= (%(updated_at)s, %(conversation_id)s)
    order by updated_at desc, id desc
    limit %(max_looked_through)s + 1
),
numbered as (
    select {listed(CONVERSATION_COLUMNS)}, active_reply_id, row_number() over newer as number,
        lead(id) over newer is not null as is_followed, sum(next_position) over newer - next_position as newer_messages
    from newest
    window newer as (order by updated_at desc, id desc)
),
page as materialized (
    select {listed(CONVERSATION_COLUMNS)}, active_reply_id, number, is_followed
    from numbered
    where number <= %(max_looked_through)s and newer_messages < %(max_messages)s
    order by updated_at desc, id desc
),
with_candidates as (
    select page.*, candidates.*
    from page cross join lateral (
        select {_FIRST_CANDIDATES}
        from (
            (select message_id, position
            from search_terms
            where user_id = %(user_id)s and conversation_id = page.id and (terms @@ %(query)s::tsquery) is true
                and (page.id <> %(conversation_id)s or position < %(position)s)
            order by position desc
            limit %(max_candidates)s)
            union all
            (select conversation_id, 0
            from search_titles
            where user_id = %(user_id)s and conversation_id = page.id and (terms @@ %(query)s::tsquery) is true
                and (page.id <> %(conversation_id)s or 0 < %(position)s))
        ) as found
        having count(*) > 0
    ) as candidates
    order by page.updated_at desc, page.id desc
    limit %(max_conversations)s
)
select *, false as is_end
from with_candidates
union all
(select *, null::uuid[], null::bigint[], true
from page
order by number desc
limit 1)
order by is_end, number
"""  # noqa: S608 - the columns are literals

READ_INDEXED_TEXTS = """
select id, left(content, %(max_chars)s::integer)
from messages
where user_id = %(user_id)s and id = any(%(message_ids)s::uuid[])
"""


async def find_candidates(
    database: DatabaseShare, user_id: UserId, terms: Sequence[QueryTerm], place: SearchPlace
) -> Candidates:
    """Finds texts by their terms, as the port says."""
    parameters: Parameters = {
        "user_id": user_id,
        "query": as_query(user_id, terms),
        "updated_at": place.updated_at,
        "conversation_id": place.conversation_id,
        "position": place.position,
        "max_looked_through": _CONVERSATIONS_LOOKED_THROUGH,
        "max_conversations": MAX_CONVERSATIONS,
        "max_candidates": MAX_CANDIDATES,
    }
    newest = await _find_in_newest(database, user_id, {**parameters, "max_messages": _LOOKED_THROUGH_FIRST})
    if newest.candidates.next_place is None:
        return newest.candidates
    if not newest.has_many:
        found = await _find_by_index(database, user_id, parameters)
        if found is not None:
            return found
    newest = await _find_in_newest(database, user_id, {**parameters, "max_messages": _LOOKED_THROUGH})
    return newest.candidates


@frozen
class _Newest:
    """What was found in the newest conversations."""

    candidates: Candidates
    #: Whether so many of them have the terms that the next ones will have them as well.
    has_many: bool


async def _find_in_newest(database: DatabaseShare, user_id: UserId, parameters: Parameters) -> _Newest:
    rows = await database.fetch(FIND_CANDIDATES_IN_NEWEST, parameters)
    if not rows:
        return _Newest(Candidates((), None), has_many=False)
    *found, last = [row[:-5] for row in rows]
    conversations = to_conversations(user_id, [*found, last])
    number, is_followed, *_ = rows[-1][-5:]
    # The last conversation that was looked through may come after the last one that is returned.
    is_full = len(found) == MAX_CONVERSATIONS
    end = conversations[-2] if is_full else conversations[-1]
    candidates = _candidates(conversations, [row[-3:-1] for row in rows[:-1]])
    return _Newest(
        Candidates(candidates, SearchPlace.after(end) if is_full or is_followed else None),
        has_many=number <= _MANY * len(found),
    )


async def _find_by_index(database: DatabaseShare, user_id: UserId, parameters: Parameters) -> Candidates | None:
    """Returns what the index of terms finds, or None if that is too much."""
    (*_, has_more), *_ = rows = await database.fetch(FIND_CANDIDATES, parameters, plan_anew=True)
    if has_more:
        return None
    rows = [row for row in rows if row[0] is not None]
    conversations = to_conversations(user_id, [row[:-3] for row in rows])
    candidates = _candidates(conversations, [row[-3:-1] for row in rows])
    return Candidates(candidates, SearchPlace.after(conversations[-1]) if len(rows) == MAX_CONVERSATIONS else None)


def _candidates(conversations: Sequence[Conversation], found: Sequence[Row]) -> Sequence[Candidate]:
    """Returns the candidates of conversations by their message ids and positions."""
    return [
        # A title has position 0, and the id of its conversation.
        Candidate(conversation, id_ if position else None, position)
        for conversation, ids_and_positions in zip(conversations, found, strict=False)
        for id_, position in zip(*ids_and_positions, strict=True)
    ]


async def read_indexed_texts(
    database: DatabaseShare, user_id: UserId, message_ids: Collection[MessageId]
) -> Mapping[MessageId, str]:
    """Returns the beginnings of messages, as the port says."""
    names = {"user_id": user_id, "message_ids": Uuids(message_ids), "max_chars": MAX_INDEXED_CHARS}
    rows = await database.fetch(READ_INDEXED_TEXTS, names)
    return {id_: text for id_, text in rows}  # noqa: C416 - a row is a tuple of any values
