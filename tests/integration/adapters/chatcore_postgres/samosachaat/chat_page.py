"""Shows what a user of our service sees of imported conversations."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
from attrs import frozen
from tests.unit.entrypoints.chatcore_service.http_service import make_container

from chatcore import User
from chatcore_memory import StaticAuth
from chatcore_postgres import PostgresStorage


@frozen
class ChatPage:
    """Calls the service as the pages of its users do."""

    client: httpx.AsyncClient
    auth: StaticAuth

    async def listed(self, user: UUID | str) -> list[dict[str, Any]]:
        """Returns the user's conversations, in the order of the list."""
        found: list[dict[str, Any]] = (await self._get("/api/conversations?limit=200", user))["items"]
        return found

    async def open(self, user: UUID | str, conversation: UUID) -> dict[str, Any]:
        """Returns a conversation with the messages that are shown."""
        return await self._get(f"/api/conversations/{conversation}", user)

    async def contents(self, user: UUID | str, conversation: UUID) -> list[str]:
        """Returns the texts that are shown."""
        return [message["content"] for message in (await self.open(user, conversation))["messages"]]

    async def send(self, user: UUID | str, conversation: UUID, content: str) -> None:
        """Sends a message and waits for the reply."""
        path = f"/api/conversations/{conversation}/messages"
        answer = await self.client.post(path, headers=self._headers(user), json={"content": content})
        assert answer.status_code == 200

    async def _get(self, path: str, user: UUID | str) -> dict[str, Any]:
        answer = await self.client.get(path, headers=self._headers(user))
        assert answer.status_code == 200, answer.text
        document: dict[str, Any] = answer.json()
        return document

    def _headers(self, user: UUID | str) -> dict[str, str]:
        self.auth.accept(f"token-of-{user}", User(id=str(user), expires_at=datetime(9999, 1, 1, tzinfo=UTC)))
        return {"Authorization": f"Bearer token-of-{user}"}


@asynccontextmanager
async def chat_page(database_url: str) -> AsyncIterator[ChatPage]:
    """Runs the service over a database for the block."""
    container = make_container()
    container.storage.override(PostgresStorage(database_url))
    auth = StaticAuth()
    container.auth.override(auth)
    app = container.application()
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://chat.test") as client,
    ):
        yield ChatPage(client, auth)
