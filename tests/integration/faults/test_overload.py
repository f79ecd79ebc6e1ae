"""Tests what happens when more turns wait to begin than a process begins in time."""

import asyncio
from pathlib import Path
from uuid import uuid4

import httpx
import psycopg

from tests.integration.embedded_postgres import EmbeddedPostgres
from tests.integration.faults.client import Client
from tests.integration.faults.cluster import Cluster
from tests.integration.faults.fresh_database import fresh_database
from tests.integration.faults.registrar import Registrar, black_hole
from tests.integration.faults.waiting import eventually

_MOST = 2
_TURNS = 8
_STRANGERS = 300


async def turn(user: Client, on: str, conversation: str | None = None) -> httpx.Response:
    """Sends a message, by default to a conversation that does not exist, so that an accepted turn gets 404."""
    path = f"/{conversation or uuid4()}/messages"
    return await user.call("POST", path, on=on, body={"content": user.prompt()}, headers={"Prefer": "respond-async"})


async def test_turns_beyond_those_that_wait_for_the_database_are_refused(
    crash_server: EmbeddedPostgres, tmp_path: Path
) -> None:
    database_url = await fresh_database(crash_server)
    settings = {"MAX_WAITING_TURNS": str(_MOST)}
    async with Cluster(database_url, tmp_path, size=1, settings=settings) as cluster:
        (on,), user = cluster.urls, cluster.user("busy")
        conversations = [str(await user.create(on=on)) for _ in range(_TURNS)]
        async with await psycopg.AsyncConnection.connect(database_url) as locking:
            await locking.execute("select from conversations for update")
            turns = [asyncio.create_task(turn(user, on, conversation)) for conversation in conversations]
            await eventually(lambda: any(task.done() for task in turns), within=30, what="a refusal")
            refused = [task.result() for task in turns if task.done()]
            # Reading needs no lock.
            assert (await user.call("GET", f"/{conversations[0]}", on=on)).status_code == 200
        answers = [await task for task in turns]
        assert (await turn(user, on)).status_code == 404

    for response in refused:
        assert (response.status_code, response.json()["code"]) == (503, "overloaded")
        assert int(response.headers["retry-after"]) > 0
    assert [response.status_code for response in answers].count(202) >= _MOST


async def test_strangers_on_whose_tokens_auth_hangs_keep_no_known_user_from_sending(
    crash_server: EmbeddedPostgres, tmp_path: Path
) -> None:
    async with Cluster(await fresh_database(crash_server), tmp_path, size=1) as cluster:
        (on,), registrar = cluster.urls, Registrar()
        cluster.auth.on("/auth/validate", registrar)
        known = cluster.user("known")
        await known.create(on=on)

        registrar.trouble = black_hole
        strangers = [asyncio.create_task(turn(cluster.user(f"stranger-{n}"), on)) for n in range(_STRANGERS)]
        while not all(task.done() for task in strangers):
            assert (await turn(known, on)).status_code == 404
        answers = [task.result() for task in strangers]

    assert {response.status_code for response in answers} == {503}
    assert all(int(response.headers["retry-after"]) > 0 for response in answers)
