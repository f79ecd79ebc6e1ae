"""Relays bytes from the token source once a turn is stored: the least that a first token costs in Python.

The service's storage adapter stores the turn. The relay checks no users, parses no frames and keeps no metrics.
"""

import argparse
import asyncio
from datetime import UTC, datetime
from uuid import UUID, uuid4

import uvloop

from chatcore import ConversationId, MessageId, Sampling, UserId
from chatcore.ports import GenerationRequest, NewTurn, OwnerId
from chatcore_postgres import PostgresStorage

#: The headers of a request that name the user and the conversation.
USER, CONVERSATION = "X-User", "X-Conversation"

_MOST_REQUEST, _BACKLOG, _CONNECTIONS = 65_536, 4096, 16
_OWNER = OwnerId(uuid4())
_QUESTION = "What do you know of the sea?"


class Upstream(asyncio.Protocol):
    """Relays bytes from the connection to the token source."""

    def __init__(self, client: asyncio.StreamWriter) -> None:
        self._client = client

    def data_received(self, data: bytes) -> None:
        """Passes bytes on to the client."""
        self._client.write(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's signature
        """Closes the client's connection."""
        self._client.close()


def new_turn(request: bytes) -> NewTurn:
    """Returns the turn that a request begins."""
    headers = dict(line.split(": ", 1) for line in request.decode().split("\r\n") if ": " in line)
    return NewTurn(
        user_id=UserId(headers[USER]),
        conversation_id=ConversationId(UUID(headers[CONVERSATION])),
        user_message_id=MessageId(uuid4()),
        reply_id=MessageId(uuid4()),
        owner_id=_OWNER,
        content=_QUESTION,
        title=_QUESTION,
        idempotency_key=None,
        request=GenerationRequest(sampling=Sampling()),
        history_limit=50,
        max_generations=8,
        now=datetime.now(UTC),
    )


async def serve(port: int, source_port: int, database_url: str) -> None:
    """Serves until the end of the process."""
    async with PostgresStorage(database_url, min_connections=_CONNECTIONS, max_connections=_CONNECTIONS) as storage:
        loop = asyncio.get_running_loop()

        async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            source, _ = await loop.create_connection(lambda: Upstream(writer), "127.0.0.1", source_port)
            if request := await reader.read(_MOST_REQUEST):
                await storage.begin_turn(new_turn(request))
                source.write(request)
                await reader.read()
            source.close()

        await (await asyncio.start_server(relay, "127.0.0.1", port, backlog=_BACKLOG)).serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--source-port", type=int, required=True)
    parser.add_argument("--database-url", required=True)
    uvloop.run(serve(**vars(parser.parse_args())))
