"""Runs the whole service in this process, on adapters in memory and without a socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
from attrs import evolve, frozen

from chatcore import User
from chatcore.ports import Auth, Clock
from chatcore.system_clock import SystemClock
from chatcore_memory import DONE_FRAME, PAUSE, InMemoryStorage, ScriptedInference, StaticAuth, Step, token_frame
from chatcore_service.container import Container
from chatcore_service.settings import Settings

SETTINGS = Settings(internal_api_key="internal-key")

ALICE = {"Authorization": "Bearer token-of-alice"}
BOB = {"Authorization": "Bearer token-of-bob"}
ROOT = {"Authorization": "Bearer token-of-root"}

Json = dict[str, Any]

#: A script that hangs after its first token until it is released.
PAUSED: tuple[Step, ...] = (token_frame("Hel"), PAUSE, token_frame("lo"), DONE_FRAME)


@frozen(kw_only=True)
class HttpService:
    """A running service and its adapters."""

    container: Container
    client: httpx.AsyncClient
    storage: InMemoryStorage
    auth: StaticAuth
    inference: ScriptedInference

    async def conversation(self, headers: dict[str, str] = ALICE) -> str:
        """Creates a conversation; returns its path."""
        response = await self.client.post("/api/conversations", headers=headers)
        assert response.status_code == 201
        path: str = response.headers["location"]
        return path

    async def turn(self, conversation: str, content: str = "hi", headers: dict[str, str] = ALICE) -> Json:
        """Sends a message and waits for the reply; returns the conversation."""
        response = await self.client.post(f"{conversation}/messages", json={"content": content}, headers=headers)
        assert response.status_code == 200
        return await self.open(conversation, headers)

    async def open(self, conversation: str, headers: dict[str, str] = ALICE) -> Json:
        """Returns a conversation with its messages."""
        response = await self.client.get(conversation, headers=headers)
        assert response.status_code == 200
        document: Json = response.json()
        return document

    async def paused_reply(self, conversation: str, headers: dict[str, str] = ALICE) -> str:
        """Begins a reply that pauses until the inference is released; returns its path."""
        self.inference.play_next(*PAUSED)
        response = await self.client.post(
            f"{conversation}/messages", json={"content": "hi"}, headers={**headers, "Prefer": "respond-async"}
        )
        assert response.status_code == 202
        return str(response.headers["location"]).removesuffix("/stream")

    async def count_of_everything(self, headers: dict[str, str] = ALICE) -> tuple[int, int]:
        """Returns how many conversations and messages the user has, to show that a refusal stored nothing."""
        listed = (await self.client.get("/api/conversations?limit=200", headers=headers)).json()["items"]
        opened = [await self.open(f"/api/conversations/{item['id']}?branches=all", headers) for item in listed]
        return len(opened), sum(len(conversation["messages"]) for conversation in opened)


def make_container(settings: Settings = SETTINGS, clock: Clock | None = None) -> Container:
    """Returns the service's container with adapters in memory."""
    clock = clock or SystemClock()
    container = Container(settings=settings)
    container.clock.override(clock)
    container.storage.override(InMemoryStorage(clock))
    container.auth.override(StaticAuth(_users(), clock=clock))
    container.inference.override(ScriptedInference())
    return container


@asynccontextmanager
async def running_service(
    settings: Settings = SETTINGS, clock: Clock | None = None, *, auth: Auth | None = None
) -> AsyncIterator[HttpService]:
    """Runs the service for the duration of the block; running replies are cut short at its end."""
    container = make_container(settings, clock)
    if auth is not None:
        container.auth.override(auth)
    app = container.application()
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://chat.test") as client,
    ):
        yield HttpService(
            container=container,
            client=client,
            storage=container.storage(),  # type: ignore[arg-type] # overridden above
            auth=container.auth(),  # type: ignore[arg-type] # overridden above
            inference=container.inference(),  # type: ignore[arg-type] # overridden above
        )
        container.shutdown().hurry()


def _users() -> dict[str, User]:
    never = datetime(9999, 1, 1, tzinfo=UTC)
    root = User(id="root", is_admin=True, expires_at=never)
    return {
        "token-of-alice": User(id="alice", expires_at=never),
        "token-of-bob": User(id="bob", expires_at=never),
        "token-of-root": root,
    }


def with_streams(**changes: Any) -> Settings:  # noqa: ANN401 - as the settings have them
    """Returns settings with other limits for streams."""
    return evolve(SETTINGS, streams=evolve(SETTINGS.streams, **changes))
