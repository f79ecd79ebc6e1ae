"""Runs the service with a real uvicorn and a real socket, on adapters in memory."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
from attrs import evolve, frozen
from tests.integration.faults.waiting import eventually

from chatcore import User
from chatcore_memory import DONE_FRAME, PAUSE, InMemoryStorage, ScriptedInference, StaticAuth, Step, token_frame
from chatcore_service.auth_settings import AuthMode
from chatcore_service.container import Container
from chatcore_service.server.draining_server import DrainingServer, server_config
from chatcore_service.settings import Settings

SETTINGS = Settings(internal_api_key="internal-key")

#: A script that hangs after its first token until it is released.
PAUSED: tuple[Step, ...] = (token_frame("Hel"), PAUSE, token_frame("lo"), DONE_FRAME)

ALICE = {"Authorization": "Bearer token-of-alice"}
BOB = {"Authorization": "Bearer token-of-bob"}


@frozen(kw_only=True)
class LiveService:
    """A running service."""

    container: Container
    server: DrainingServer
    client: httpx.AsyncClient
    port: int
    storage: InMemoryStorage
    auth: StaticAuth
    inference: ScriptedInference

    async def conversation(self, headers: dict[str, str] = ALICE) -> str:
        """Creates a conversation; returns its path."""
        response = await self.client.post("/api/conversations", headers=headers)
        assert response.status_code == 201
        return str(response.headers["location"])

    async def begin(self, content: str = "hi", headers: dict[str, str] = ALICE) -> str:
        """Begins a reply; returns the path of its stream."""
        response = await self.client.post(
            f"{await self.conversation(headers)}/messages",
            json={"content": content},
            headers={**headers, "Prefer": "respond-async"},
        )
        assert response.status_code == 202
        return str(response.headers["location"])

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Opens a bare connection."""
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def connections_to_close(self) -> None:
        """Returns when no connection is open any more."""
        connections = self.server.server_state.connections
        await eventually(lambda: not connections, within=10, what="all connections are closed")

    async def open_streams_to_end(self) -> None:
        """Returns when no stream is open any more."""
        await self.streams_to_open(0)

    async def streams_to_open(self, count: int) -> None:
        """Returns when this number of streams is open."""
        await eventually(lambda: self.open_streams == count, within=10, what=f"{count} streams are open")

    @property
    def open_streams(self) -> int:
        """Returns the number of open streams, by the service's own metrics."""
        lines = self.container.metrics().exposition().decode().splitlines()
        [figure] = [line for line in lines if line.startswith("chatcore_open_streams ")]
        return int(float(figure.split()[1]))


class _PromptServer(DrainingServer):
    """Acts on signals sooner than uvicorn does, so that hundreds of tests do not wait for it."""

    async def main_loop(self) -> None:
        counter = 0
        while not await self.on_tick(counter):
            counter += 1
            await asyncio.sleep(0.01)


def settings_with_requests(**changes: Any) -> Settings:  # noqa: ANN401 - as the settings have them
    """Returns settings with other limits for requests."""
    return evolve(SETTINGS, requests=evolve(SETTINGS.requests, **changes))


def settings_with_streams(**changes: Any) -> Settings:  # noqa: ANN401 - as the settings have them
    """Returns settings with other limits for streams."""
    return evolve(SETTINGS, streams=evolve(SETTINGS.streams, **changes))


@asynccontextmanager
async def live_service(
    settings: Settings = SETTINGS, *, tick_seconds: float = 0.02, is_dual_stack: bool = False
) -> AsyncIterator[LiveService]:
    """Runs the service for the duration of the block; on request for IPv6 as well, by the same socket.

    Only `AUTH_MODE=service` has an auth adapter in memory.
    """
    container = Container(settings=settings)
    storage, inference = InMemoryStorage(container.clock()), ScriptedInference()
    auth = StaticAuth({"token-of-alice": _user("alice"), "token-of-bob": _user("bob")})
    container.storage.override(storage)
    container.inference.override(inference)
    if settings.auth_mode is AuthMode.SERVICE:
        container.auth.override(auth)
    container.stream_monitor.add_kwargs(tick_seconds=tick_seconds)
    with _dual_stack_listener() if is_dual_stack else socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        server = _PromptServer(server_config(container.application(), settings))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            await eventually(lambda: server.started, within=10, what="the server has started")
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
                yield LiveService(
                    container=container,
                    server=server,
                    client=client,
                    port=port,
                    storage=storage,
                    auth=auth,
                    inference=inference,
                )
        finally:
            server.end(hurry=True)
            await serving


def _dual_stack_listener() -> socket.socket:
    return socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)


def _user(name: str) -> User:
    return User(id=name, expires_at=datetime(9999, 1, 1, tzinfo=UTC))
