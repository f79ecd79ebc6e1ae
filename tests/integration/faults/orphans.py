"""Replies whose process is gone, many at once: as rows, since making them one by one would take a minute."""

from collections.abc import Sequence
from uuid import uuid4

import psycopg

from tests.integration.faults.client import Client
from tests.integration.faults.cluster import Cluster
from tests.integration.faults.ledger import Outcome

# How many of a reply's tokens its process had stored, each as one delta.
_STORED_TOKENS = 4

_CONVERSATION = """
insert into conversations (user_id, id, title, title_source, model_tag, head_id, next_position, created_at, updated_at)
values (%(user)s, %(conversation)s, 'An orphan', 'auto', 'default', %(reply)s, 3, now(), now())
"""
_MESSAGES = """
insert into messages (user_id, id, conversation_id, parent_id, position, role, content, status, created_at)
values (%(user)s, %(question)s, %(conversation)s, null, 1, 'user', %(prompt)s, 'complete', now()),
    (%(user)s, %(reply)s, %(conversation)s, %(question)s, 2, 'assistant', '', 'streaming', now())
"""
_GENERATION = """
insert into generations (user_id, conversation_id, message_id, slot, owner_id, epoch, lease_until, fallback_head_id,
    started_at)
values (%(user)s, %(conversation)s, %(reply)s, %(slot)s, %(owner)s, 1, now() - interval '1 second', %(question)s, now())
"""
_DELTA = """
insert into deltas (user_id, message_id, start_offset, text)
values (%(user)s, %(reply)s, %(start)s, %(text)s)
"""


async def orphan(cluster: Cluster, user: Client, number: int) -> list[str]:
    """Stores replies of a user with some text and expired leases; returns the ids of the replies."""
    owner = uuid4()
    orphans: list[dict[str, object]] = [
        {
            "user": user.user_id,
            "conversation": str(uuid4()),
            "question": str(uuid4()),
            "reply": str(uuid4()),
            "prompt": user.prompt(),
            "slot": slot,
            "owner": owner,
        }
        for slot in range(1, number + 1)
    ]
    async with await psycopg.AsyncConnection.connect(cluster.database_url) as connection:
        cursor = connection.cursor()
        for statement in (_CONVERSATION, _MESSAGES, _GENERATION):
            await cursor.executemany(statement, orphans)
        await cursor.executemany(_DELTA, [delta for one in orphans for delta in _deltas(cluster, one)])
    for one in orphans:
        _note(user, one)
    return [str(one["reply"]) for one in orphans]


def _deltas(cluster: Cluster, one: dict[str, object]) -> Sequence[dict[str, object]]:
    deltas: list[dict[str, object]] = []
    start = 0
    for text in cluster.model.speech(str(one["prompt"])).tokens[:_STORED_TOKENS]:
        deltas.append({**one, "start": start, "text": text})
        start += len(text)
    return deltas


def _note(user: Client, one: dict[str, object]) -> None:
    user.ledger.owners[str(one["conversation"])] = user.user_id
    user.note(str(one["conversation"]), str(one["prompt"])).told(Outcome.OK, str(one["reply"]))
