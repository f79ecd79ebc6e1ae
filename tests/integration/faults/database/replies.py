"""Replies that are being made while the database is in trouble, and what must come of them all the same."""

import psycopg

from tests.integration.faults.client import Client
from tests.integration.faults.cluster import Cluster
from tests.integration.faults.ledger import Sent
from tests.integration.faults.model import Saying
from tests.integration.faults.patience import read_to_the_end

_DELTAS = "select start_offset, text from deltas where message_id = %s order by start_offset"


async def begin(cluster: Cluster, user: Client, *, count: int, every: float = 0.0, hold: int | None = None) -> Saying:
    """Returns a reply that the first replica is making."""
    conversation = await user.create(on=cluster.urls[0])
    prompt = user.prompt()
    cluster.model.will_say(prompt, count, every=every, hold=hold)
    await user.send_async(conversation, prompt, on=cluster.urls[0])
    return await cluster.model.asked(prompt)


def sent_for(cluster: Cluster, saying: Saying) -> Sent:
    """Returns the message that is being answered."""
    return next(sent for sent in cluster.ledger.sent if sent.content == saying.prompt)


async def stored_deltas(cluster: Cluster, saying: Saying) -> list[tuple[int, str]]:
    """Returns what the checkpoints have stored of the reply: offsets and texts."""
    async with await psycopg.AsyncConnection.connect(cluster.database_url) as connection:
        return await (await connection.execute(_DELTAS, (sent_for(cluster, saying).reply_id,))).fetchall()


async def stored_chars(cluster: Cluster, saying: Saying) -> int:
    """Returns how much of the reply the checkpoints have stored."""
    return max((start + len(text) for start, text in await stored_deltas(cluster, saying)), default=0)


async def expect_complete(cluster: Cluster, user: Client, saying: Saying) -> None:
    """Checks that a reader gets the whole reply, on either replica."""
    sent = sent_for(cluster, saying)
    assert sent.reply_id is not None
    follower = await read_to_the_end(user.follow(sent.conversation_id, sent.reply_id), cluster.urls[::-1])
    assert (follower.text, follower.reading.error) == (saying.speech.text, None)
