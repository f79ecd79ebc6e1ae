"""Warms up new connections: each begins turns that are refused, before it is used for requests.

For each new connection the server looks up the tables in its catalogue, and it plans a prepared statement anew for each
of the first five executions. The longest statement, which begins a turn, therefore takes ten times as long the first
time and three times as long for the next five. A first token waits for that statement.
"""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from time import monotonic
from uuid import UUID

import psycopg

from chatcore.conversations.message import ConversationId, MessageId
from chatcore.ports.new_reply import NewTurn
from chatcore.replies.generation_request import GenerationRequest
from chatcore.replies.lease import OwnerId
from chatcore.replies.sampling import Sampling
from chatcore.user import UserId
from chatcore_postgres.driver.database import Connection, Database, fetch_on
from chatcore_postgres.driver.epoll_wait import WaitingConnection
from chatcore_postgres.replies.begin_turn import BEGIN_TURN, turn_parameters

# psycopg prepares a statement at its second execution. The server makes five plans for the given values, and then one
# for all values.
_TIMES = 7
# The limit is far more than a warm-up takes, unless the tables are locked or far away: then a cold connection must do.
_MAX_SECONDS = 0.5
# After this time no further execution begins. To interrupt one, the server must cancel it, and an overloaded server may
# be too slow for that: the connection would be closed, and the pool would make another only a second later, while the
# requests that wait for it time out.
_ENOUGH_SECONDS = 0.2

_NOBODY = UserId("")
_NOTHING = UUID(int=0)
# This conversation does not exist, so nothing is written and no row is locked.
_REFUSED = NewTurn(
    user_id=_NOBODY,
    conversation_id=ConversationId(_NOTHING),
    user_message_id=MessageId(_NOTHING),
    reply_id=MessageId(_NOTHING),
    owner_id=OwnerId(_NOTHING),
    content="",
    title=None,
    idempotency_key=None,
    request=GenerationRequest(sampling=Sampling()),
    history_limit=1,
    max_generations=1,
    now=datetime.fromtimestamp(0, UTC),
)


class WarmDatabase(Database):
    """Warms up its connections. A failure is ignored: the first use of the connection raises the same error."""

    async def _configure(self, connection: WaitingConnection) -> None:
        await super()._configure(connection)
        with suppress(psycopg.Error, TimeoutError):
            async with asyncio.timeout(_MAX_SECONDS):
                await _warm_up(connection)


async def _warm_up(connection: Connection) -> None:
    parameters = turn_parameters(_REFUSED)
    started = monotonic()
    for _ in range(_TIMES if connection.prepare_threshold is not None else 1):
        await fetch_on(connection, BEGIN_TURN, parameters)
        if monotonic() - started > _ENOUGH_SECONDS:
            return
