"""The least that a relay can do that loses no answer: a turn is stored in one statement, then bytes go through.

No parsing, no users, no figures: what the first token of a stored turn takes at least in Python, with the service's own
statement on connections that are ready, on this machine and at this moment.
"""

import argparse
import asyncio
import re
from datetime import UTC, datetime
from uuid import UUID, uuid4

import uvloop
from benchmarks.bytes_relay import Downstream
from psycopg import AsyncRawCursor

from chatcore.conversations.message import ConversationId, MessageId
from chatcore.ports.storage import NewTurn
from chatcore.replies.lease import OwnerId
from chatcore.user import UserId
from chatcore_postgres.driver.database import Parameters, fetch_on
from chatcore_postgres.driver.epoll_wait import SharedEpoll, WaitingConnection
from chatcore_postgres.statements.turns import BEGIN_TURN
from chatcore_postgres.turns import turn_parameters

#: Of a request's headers: whose turn it is, and in which conversation.
USER, CONVERSATION = "X-User", "X-Conversation"

_CONNECTIONS = 16
_WHOSE = re.compile(rf"{USER}: (\S+)\r\n{CONVERSATION}: (\S+)\r\n".encode())
_OWNER = OwnerId(uuid4())


class Store:
    """Stores turns."""

    def __init__(self) -> None:
        # The one that was used last is used next.
        self._connections: list[WaitingConnection] = []

    async def open(self, database_url: str) -> None:
        """Connects, and has the statement planned: nobody's turn changes nothing."""
        readiness = SharedEpoll()
        for _ in range(_CONNECTIONS):
            connection = await WaitingConnection.connect(
                database_url, autocommit=True, prepare_threshold=1, cursor_factory=AsyncRawCursor
            )
            connection.readiness = readiness
            for _ in range(2):
                await fetch_on(connection, BEGIN_TURN, _turn("nobody", uuid4()))
            self._connections.append(connection)

    async def begin(self, request: bytes) -> None:
        """Stores the turn that this request begins.

        Raises:
            LookupError: it does not say whose turn it is, or there is no such conversation.
        """
        whose = _WHOSE.search(request)
        if whose is None:
            raise LookupError(request)
        connection = self._connections.pop()
        rows = await fetch_on(connection, BEGIN_TURN, _turn(whose[1].decode(), UUID(whose[2].decode())))
        self._connections.append(connection)
        if rows[0][0] != "accepted":
            raise LookupError(rows[0][0])


def _turn(user: str, conversation: UUID) -> Parameters:
    return turn_parameters(
        NewTurn(
            user_id=UserId(user),
            conversation_id=ConversationId(conversation),
            user_message_id=MessageId(uuid4()),
            reply_id=MessageId(uuid4()),
            owner_id=_OWNER,
            content="What do you know of the sea?",
            title="What do you know of the sea?",
            idempotency_key=None,
            history_limit=50,
            max_generations=8,
            now=datetime.now(UTC),
        )
    )


class StoringDownstream(Downstream):
    """The client's side, whose request waits until its turn is stored. The connection to the source does not wait."""

    def __init__(self, source_port: int, store: Store) -> None:
        super().__init__(source_port)
        self._store = store
        self._storing: asyncio.Task[None] | None = None

    def data_received(self, data: bytes) -> None:
        """To the database, then to the source."""
        self._storing = asyncio.ensure_future(self._store_and_ask(data))

    async def _store_and_ask(self, request: bytes) -> None:
        await self._store.begin(request)
        super().data_received(request)


async def serve(port: int, source_port: int, database_url: str) -> None:
    """Serves for ever."""
    store = Store()
    await store.open(database_url)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: StoringDownstream(source_port, store), "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--source-port", type=int, required=True)
    parser.add_argument("--database-url", required=True)
    options = parser.parse_args()
    uvloop.run(serve(options.port, options.source_port, options.database_url))
