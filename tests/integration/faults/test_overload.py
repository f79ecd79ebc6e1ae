"""Tests what happens when more turns wait to begin than a process begins in time."""

import asyncio
from pathlib import Path
from uuid import uuid4

import httpx

from tests.integration.embedded_postgres import EmbeddedPostgres
from tests.integration.faults.client import Client
from tests.integration.faults.cluster import Cluster
from tests.integration.faults.fresh_database import fresh_database
from tests.integration.faults.registrar import Registrar
from tests.integration.inference_server import Call

_MOST = 2


async def turn(user: Client, on: str) -> httpx.Response:
    """Sends a message to a conversation that does not exist, so that an accepted turn gets 404."""
    return await user.call("POST", f"/{uuid4()}/messages", on=on, body={"content": user.prompt()})


async def test_turns_beyond_those_that_wait_are_refused_while_everything_else_is_served(
    crash_server: EmbeddedPostgres, tmp_path: Path
) -> None:
    settings = {"MAX_WAITING_TURNS": str(_MOST), "AUTH_TIMEOUT_SECONDS": "60"}
    async with Cluster(await fresh_database(crash_server), tmp_path, size=1, settings=settings) as cluster:
        await check(cluster)


async def check(cluster: Cluster) -> None:
    """Lets turns wait for the auth service, and checks what happens to other requests meanwhile."""
    (on,), registrar = cluster.urls, Registrar()
    cluster.auth.on("/auth/validate", registrar)
    known = cluster.user("known")
    conversation = await known.create(on=on)
    are_waiting, release = asyncio.Semaphore(0), asyncio.Event()

    async def hold_up(call: Call) -> None:
        are_waiting.release()
        await release.wait()
        registrar.trouble = None
        await registrar(call)

    registrar.trouble = hold_up
    waiting = [asyncio.create_task(turn(cluster.user(f"stranger-{n}"), on)) for n in range(_MOST)]
    async with asyncio.timeout(30):
        for _ in waiting:
            await are_waiting.acquire()
        refused = await asyncio.gather(*(turn(user, on) for user in (known, cluster.user("another"))))
    assert await known.open(conversation, on=on) == []
    assert not any(task.done() for task in waiting)
    release.set()

    for response in refused:
        assert (response.status_code, response.json()["code"]) == (503, "overloaded")
        assert int(response.headers["retry-after"]) > 0
    assert [response.status_code for response in await asyncio.gather(*waiting)] == [404] * _MOST
    assert (await turn(known, on)).status_code == 404
