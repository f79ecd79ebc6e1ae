"""Takes texts that wait for being indexed, and stores their terms."""

from collections.abc import Sequence
from typing import LiteralString

from chatcore.ports.search import CLAIM_SECONDS, IndexedText, PendingText
from chatcore.search.terms import MAX_INDEXED_CHARS
from chatcore_postgres.driver.arrays import Integers, Texts, Uuids
from chatcore_postgres.driver.database import Connection, Database, Parameters, Row, fetch_on
from chatcore_postgres.search.terms import as_terms

# The newest entries come first: what was just written is found soon, however much else waits. Two processes that want
# the same entries are told apart as in CLAIM_EXPIRED.
CLAIM_PENDING = """
update search_queue as q
set claimed_until = now() + make_interval(secs => %(claim_seconds)s)
from (
    select user_id, id
    from search_queue
    where claimed_until < now()
    order by id desc
    limit %(limit)s
) as waiting
where q.user_id = waiting.user_id and q.id = waiting.id and q.claimed_until < now()
returning q.user_id, q.id, q.conversation_id, q.message_id
"""

READ_PENDING_MESSAGES = """
select m.user_id, m.id, left(m.content, %(max_chars)s::integer), octet_length(m.content)
from unnest(%(user_ids)s::text[], %(message_ids)s::uuid[]) as wanted (user_id, id)
    join messages as m on m.user_id = wanted.user_id and m.id = wanted.id
where m.status <> 'streaming'
"""

READ_PENDING_TITLES = """
select c.user_id, c.id, c.title
from unnest(%(user_ids)s::text[], %(conversation_ids)s::uuid[]) as wanted (user_id, id)
    join conversations as c on c.user_id = wanted.user_id and c.id = wanted.id
where not exists (
    select
    from search_titles as t
    where t.user_id = c.user_id and t.conversation_id = c.id and t.title = c.title
)
"""

# A text that has grown meanwhile waits again. A text that is deleted meanwhile violates a foreign key, and then the
# statement is sent again. Two processes that store the terms of one text leave those of the longer text.
STORE_TERMS = """
with texts as (
    insert into search_terms (user_id, message_id, conversation_id, position, text_bytes, terms)
    select m.user_id, m.id, m.conversation_id, m.position, stored.text_bytes,
        array_to_tsvector(string_to_array(stored.terms, ' '))
    from unnest(%(text_user_ids)s::text[], %(message_ids)s::uuid[], %(text_bytes)s::bigint[], %(text_terms)s::text[])
        as stored (user_id, id, text_bytes, terms)
        join messages as m on m.user_id = stored.user_id and m.id = stored.id
    where octet_length(m.content) = stored.text_bytes
    on conflict (user_id, message_id) do update set text_bytes = excluded.text_bytes, terms = excluded.terms
        where search_terms.text_bytes <= excluded.text_bytes
),
titles as (
    insert into search_titles (user_id, conversation_id, title, terms)
    select c.user_id, c.id, c.title, array_to_tsvector(string_to_array(stored.terms, ' '))
    from unnest(%(title_user_ids)s::text[], %(conversation_ids)s::uuid[], %(titles)s::text[], %(title_terms)s::text[])
        as stored (user_id, id, title, terms)
        join conversations as c on c.user_id = stored.user_id and c.id = stored.id
    where c.title = stored.title
    on conflict (user_id, conversation_id) do update set title = excluded.title, terms = excluded.terms
)
delete from search_queue as q
using unnest(%(user_ids)s::text[], %(tickets)s::bigint[]) as done (user_id, id)
where q.user_id = done.user_id and q.id = done.id
returning q.id
"""


def queue_titles(conversations: LiteralString) -> LiteralString:
    """Returns the insert by which the titles of the conversations wait whose ids are in `conversations`."""
    return f"""insert into search_queue (user_id, conversation_id)
select %(user_id)s, id
from {conversations}"""  # noqa: S608 - the table is a literal


def queue_messages(messages: LiteralString) -> LiteralString:
    """Returns the insert by which the messages of one conversation wait whose ids are in `messages`."""
    return f"""insert into search_queue (user_id, conversation_id, message_id)
select %(user_id)s, %(conversation_id)s, id
from {messages}"""  # noqa: S608 - the table is a literal


async def claim_pending(database: Database, limit: int) -> Sequence[PendingText]:
    """Claims texts that wait, as the port says."""
    # A plan for all values would not know how few of a large number of entries are wanted.
    claimed = await database.fetch(CLAIM_PENDING, {"claim_seconds": CLAIM_SECONDS, "limit": limit}, plan_anew=True)
    if not claimed:
        return ()

    async def unit(connection: Connection) -> Sequence[PendingText]:
        return await _read(connection, claimed)

    return await database.run(unit)


async def _read(connection: Connection, claimed: Sequence[Row]) -> Sequence[PendingText]:
    messages = [(user_id, message_id) for user_id, _, _, message_id in claimed if message_id is not None]
    texts = await fetch_on(
        connection,
        READ_PENDING_MESSAGES,
        {
            "user_ids": Texts(user_id for user_id, _ in messages),
            "message_ids": Uuids(id_ for _, id_ in messages),
            "max_chars": MAX_INDEXED_CHARS,
        },
        plan_anew=True,
    )
    titles = await fetch_on(
        connection,
        READ_PENDING_TITLES,
        {
            "user_ids": Texts(user_id for user_id, _, _, _ in claimed),
            "conversation_ids": Uuids(id_ for _, _, id_, _ in claimed),
        },
        plan_anew=True,
    )
    # Another user may have the same ids.
    text_of = {(user_id, id_): (text, version) for user_id, id_, text, version in texts}
    title_of = {(user_id, id_): title for user_id, id_, title in titles}
    return [
        PendingText(
            ticket=ticket,
            user_id=user_id,
            conversation_id=conversation_id,
            message_id=message_id,
            text=text_of.get((user_id, message_id), (None, 0))[0],
            text_version=text_of.get((user_id, message_id), (None, 0))[1],
            title=title_of.get((user_id, conversation_id)),
        )
        for user_id, ticket, conversation_id, message_id in claimed
    ]


async def store_terms(database: Database, texts: Sequence[IndexedText]) -> None:
    """Stores the terms of texts, as the port says."""
    await database.fetch(STORE_TERMS, _parameters(texts), plan_anew=True)


def _parameters(texts: Sequence[IndexedText]) -> Parameters:
    # Several entries may concern one message or title, and an insert takes each row once.
    messages = {(t.pending.user_id, t.pending.message_id): t for t in texts if t.pending.text is not None}.values()
    titles = {(t.pending.user_id, t.pending.conversation_id): t for t in texts if t.pending.title is not None}.values()
    return {
        "user_ids": Texts(t.pending.user_id for t in texts),
        "tickets": Integers(t.pending.ticket for t in texts),
        "text_user_ids": Texts(t.pending.user_id for t in messages),
        "message_ids": Uuids(t.pending.message_id for t in messages if t.pending.message_id is not None),
        "text_bytes": Integers(t.pending.text_version for t in messages),
        "text_terms": Texts(as_terms(t.pending.user_id, t.text_terms) for t in messages),
        "title_user_ids": Texts(t.pending.user_id for t in titles),
        "conversation_ids": Uuids(t.pending.conversation_id for t in titles),
        "titles": Texts(t.pending.title for t in titles if t.pending.title is not None),
        "title_terms": Texts(as_terms(t.pending.user_id, t.title_terms) for t in titles),
    }
