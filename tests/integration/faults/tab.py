"""A tab of a browser that keeps in step as docs/sync.md says."""

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

import httpx
from attrs import define, field

from tests.integration.faults.client import Client

_PATIENCE_SECONDS = 8.0
_PAUSE_SECONDS = 0.05


@define(eq=False)
class Tab:
    """Follows the feed of a user, and goes to the next replica whenever a stream ends or a call fails."""

    client: Client
    urls: Sequence[str]
    #: The conversations that are shown, by id.
    shown: dict[str, Any] = field(factory=dict, init=False)
    #: The id of the last event.
    last_id: str | None = field(default=None, init=False)
    #: How often the list had to be loaded again.
    resets: int = field(default=0, init=False)
    #: How often a stream was opened.
    streams: int = field(default=0, init=False)
    _following: asyncio.Task[None] | None = field(default=None, init=False)

    async def __aenter__(self) -> Self:
        opened = asyncio.Event()
        self._following = asyncio.create_task(self._follow(opened))
        await asyncio.wait_for(opened.wait(), _PATIENCE_SECONDS)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._following is not None
        self._following.cancel()
        await asyncio.wait([self._following])
        if not self._following.cancelled():
            self._following.result()

    async def _follow(self, opened: asyncio.Event) -> None:
        timeout = httpx.Timeout(_PATIENCE_SECONDS)
        async with httpx.AsyncClient(trust_env=False, timeout=timeout, headers=self.client.authorization) as http:
            while True:
                for url in self.urls:
                    with suppress(httpx.TransportError):
                        await self._read(http, url, opened)
                    await asyncio.sleep(_PAUSE_SECONDS)

    async def _read(self, http: httpx.AsyncClient, url: str, opened: asyncio.Event) -> None:
        headers = {} if self.last_id is None else {"last-event-id": self.last_id}
        async with http.stream("GET", f"{url}/api/events", headers=headers) as response:
            if response.status_code != httpx.codes.OK:
                return
            self.streams += 1
            fields: dict[str, str] = {}
            async for line in response.aiter_lines():
                if not line:
                    await self._take(fields, http, url)
                    opened.set()
                    fields = {}
                elif not line.startswith(":"):
                    name, _, value = line.partition(": ")
                    fields[name] = value

    async def _take(self, fields: dict[str, str], http: httpx.AsyncClient, url: str) -> None:
        event = fields.get("event")
        if event == "reset":
            self.resets += 1
        if event == "reset" or self.last_id is None:
            self.shown = {item["id"]: item for item in await listed(http, url)}
        elif event == "conversation":
            data = json.loads(fields["data"])
            self.shown[data["id"]] = data
        elif event == "deleted":
            self.shown.pop(json.loads(fields["data"])["id"], None)
        self.last_id = fields.get("id", self.last_id)


async def listed(http: httpx.AsyncClient, url: str) -> list[dict[str, Any]]:
    """Returns all conversations of a user that has at most a page of them."""
    response = await http.get(f"{url}/api/conversations?limit=200")
    response.raise_for_status()
    items: list[dict[str, Any]] = response.json()["items"]
    return items
