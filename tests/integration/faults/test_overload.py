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
from tests.integration.faults.waiting import eventually
from tests.integration.inference_server import Call

_MOST = 2
_STRANGERS = 20


async def turn(user: Client, on: str) -> httpx.Response:
    """Sends a message to a conversation that does not exist, so that an accepted turn gets 404."""
    return await user.call("POST", f"/{uuid4()}/messages", on=on, body={"content": user.prompt()})


async def test_turns_beyond_those_that_wait_are_refused_and_hanging_ones_hold_up_nobody(
    crash_server: EmbeddedPostgres, tmp_path: Path
) -> None:
    settings = {"MAX_WAITING_TURNS": str(_MOST), "AUTH_TIMEOUT_SECONDS": "60"}
    async with Cluster(await fresh_database(crash_server), tmp_path, size=1, settings=settings) as cluster:
        await check(cluster)


async def check(cluster: Cluster) -> None:
    """Lets turns wait for the auth service, and checks what happens to other requests meanwhile."""
    (on,), registrar, release = cluster.urls, Registrar(), asyncio.Event()
    cluster.auth.on("/auth/validate", registrar)
    known = cluster.user("known")
    conversation = await known.create(on=on)

    async def hold_up(call: Call) -> None:
        await release.wait()
        registrar.trouble = None
        await registrar(call)

    async def is_served() -> bool:
        return (await turn(known, on)).status_code == 404

    registrar.trouble = hold_up
    strangers = [asyncio.create_task(turn(cluster.user(f"stranger-{n}"), on)) for n in range(_STRANGERS)]
    # All strangers are known to the auth service, so a stranger who has an answer was refused.
    await eventually(lambda: any(task.done() for task in strangers), within=30, what="a refusal")
    assert await known.open(conversation, on=on) == []
    await eventually(is_served, within=30, what="a turn of a known user while others hang")
    refused = [task.result() for task in strangers if task.done()]
    assert len(refused) < _STRANGERS
    release.set()

    for response in refused:
        assert (response.status_code, response.json()["code"]) == (503, "overloaded")
        assert int(response.headers["retry-after"]) > 0
    answers = [(await task).status_code for task in strangers]
    assert answers.count(404) == _STRANGERS - len(refused)
