"""What a new connection does before anybody uses it: it begins turns that are refused.

A server looks up what it knows of tables anew for each connection, and plans a prepared statement anew for each of its
first five executions. The longest statement, which begins a turn, so takes ten times as long the first time, and three
times as long for the next five, and it is the one that a first token waits for.
"""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID

import psycopg

from chatcore.conversations.message import ConversationId, MessageId
from chatcore.ports import NewTurn
from chatcore.replies.lease import OwnerId
from chatcore.user import UserId
from chatcore_postgres.driver.database import Connection, Database, fetch_on
from chatcore_postgres.driver.epoll_wait import WaitingConnection
from chatcore_postgres.statements.turns import BEGIN_TURN
from chatcore_postgres.turns import turn_parameters

# psycopg prepares a statement at its second execution; five plans are for their parameters, the next is for any.
_TIMES = 7
# Far more than it takes, unless the tables are locked or far away: then a connection that is cold is better than none.
_LONGEST_SECONDS = 0.5

_NOBODY = UserId("")
_NOTHING = UUID(int=0)
# There is no such conversation, so nothing is written and no row is locked.
_REFUSED = NewTurn(
    user_id=_NOBODY,
    conversation_id=ConversationId(_NOTHING),
    user_message_id=MessageId(_NOTHING),
    reply_id=MessageId(_NOTHING),
    owner_id=OwnerId(_NOTHING),
    content="",
    title="",
    idempotency_key=None,
    history_limit=1,
    max_generations=1,
    now=datetime.fromtimestamp(0, UTC),
)


class WarmDatabase(Database):
    """One whose connections know the tables and the plan. Whatever fails there is left to whoever uses them."""

    async def _configure(self, connection: WaitingConnection) -> None:
        await super()._configure(connection)
        with suppress(psycopg.Error, TimeoutError):
            async with asyncio.timeout(_LONGEST_SECONDS):
                await _warm_up(connection)


async def _warm_up(connection: Connection) -> None:
    parameters = turn_parameters(_REFUSED)
    for _ in range(_TIMES if connection.prepare_threshold is not None else 1):
        await fetch_on(connection, BEGIN_TURN, parameters)
