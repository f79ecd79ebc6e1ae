"""Imports and exports that are slow, cut or struck: no conversation is half there, and a repeat completes the rest."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from uuid import uuid4

import httpx
import psycopg
import pytest
import pytest_asyncio

from tests.integration.embedded_postgres import EmbeddedPostgres
from tests.integration.faults.client import Client
from tests.integration.faults.cluster import Cluster
from tests.integration.faults.fresh_database import fresh_database
from tests.integration.faults.raw_connection import RawConnection
from tests.integration.faults.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

_MESSAGES = 4
_SILENT_SECONDS = 3.0
_JSON = {"content-type": "application/json"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cluster(crash_server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    folder = tmp_path_factory.mktemp("transfers")
    settings = {"BODY_TIMEOUT_SECONDS": str(_SILENT_SECONDS)}
    async with Cluster(await fresh_database(crash_server), folder, settings=settings) as cluster:
        yield cluster
        assert not [replica for replica in cluster.replicas if "Traceback" in replica.log_text()]


@pytest.fixture
def user(cluster: Cluster) -> Client:
    return cluster.user(uuid4().hex[:8])


@pytest_asyncio.fixture(loop_scope="module")
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False, timeout=30) as http:
        yield http


def chats(count: int, *, chars: int = 10) -> list[bytes]:
    """Returns conversations as ChatGPT exports them."""

    def nodes(name: str) -> Iterator[tuple[str, object]]:
        for n in range(_MESSAGES):
            author = {"role": ("user", "assistant")[n % 2]}
            message = {"author": author, "content": {"content_type": "text", "parts": ["💬" + "x" * chars]}}
            yield f"{name}-{n}", {"parent": f"{name}-{n - 1}" if n else None, "message": message}

    names = (f"chat-{number}" for number in range(count))
    return [json.dumps({"id": name, "title": name, "mapping": dict(nodes(name))}).encode() for name in names]


def file_of(conversations: list[bytes]) -> bytes:
    return b"[" + b",".join(conversations) + b"]"


async def import_(http: httpx.AsyncClient, user: Client, on: str, file: bytes | AsyncIterator[bytes]) -> httpx.Response:
    return await http.post(f"{on}/api/import", content=file, headers={**user.authorization, **_JSON})


def head_of(file: bytes, user: Client) -> bytes:
    """Returns the head of the request that imports a file."""
    lines = {"host": "chatcore", **user.authorization, **_JSON, "content-length": str(len(file))}
    return "\r\n".join(["POST /api/import HTTP/1.1", *(f"{name}: {lines[name]}" for name in lines), "", ""]).encode()


async def exported(http: httpx.AsyncClient, user: Client, on: str) -> list[Mapping[str, object]]:
    """Returns the conversations of an export."""
    response = await http.get(f"{on}/api/export", headers=user.authorization)
    assert response.status_code == 200
    return [json.loads(line) for line in response.text.splitlines()[1:]]


async def stored_by(cluster: Cluster, user: Client) -> tuple[int, int]:
    """Returns how many conversations and messages a user has."""
    async with await psycopg.AsyncConnection.connect(cluster.database_url) as connection:
        cursor = await connection.execute(
            "select count(distinct conversation_id), count(*) from messages where user_id = %s", (user.user_id,)
        )
        row = await cursor.fetchone()
        assert row is not None
        return row


async def until_stored(cluster: Cluster, user: Client, conversations: int) -> None:
    async def are_stored() -> bool:
        return (await stored_by(cluster, user))[0] == conversations

    await eventually(are_stored, within=20, what=f"{conversations} conversations stored")


async def test_an_import_whose_replica_is_killed_is_completed_on_another(
    cluster: Cluster, user: Client, http: httpx.AsyncClient
) -> None:
    conversations = chats(20)

    async def half() -> AsyncIterator[bytes]:
        # The last conversation has arrived up to its last bytes.
        yield file_of(conversations[:11])[:-10]
        await until_stored(cluster, user, 10)
        cluster.replicas[0].kill()
        yield b" "

    with pytest.raises(httpx.TransportError):
        await import_(http, user, cluster.urls[0], half())
    assert await stored_by(cluster, user) == (10, 10 * _MESSAGES)

    completed = await import_(http, user, cluster.urls[1], file_of(conversations))

    assert completed.json() == {"imported": 10, "skipped": 10, "problems": []}
    assert await stored_by(cluster, user) == (20, 20 * _MESSAGES)
    await cluster.revive()


async def test_an_upload_that_is_cut_leaves_whole_conversations_and_lets_its_user_go_on(
    cluster: Cluster, user: Client, http: httpx.AsyncClient
) -> None:
    file = file_of(chats(10))
    async with await RawConnection.open(cluster.urls[0]) as connection:
        await connection.send(head_of(file, user) + file[: len(file) * 45 // 100])
        await until_stored(cluster, user, 4)

    async def is_completed() -> bool:
        response = await import_(http, user, cluster.urls[0], file)
        return response.status_code == 200 and response.json()["skipped"] >= 4

    await eventually(is_completed, within=5, what="a further import of the same user")
    assert await stored_by(cluster, user) == (10, 10 * _MESSAGES)


async def test_a_slow_upload_is_waited_for_and_a_silent_one_is_not(
    cluster: Cluster, user: Client, http: httpx.AsyncClient
) -> None:
    file = file_of(chats(3))

    async def slow() -> AsyncIterator[bytes]:
        piece = len(file) // 8
        for start in range(0, len(file), piece):
            yield file[start : start + piece]
            await asyncio.sleep(_SILENT_SECONDS / 6)

    assert (await import_(http, user, cluster.urls[0], slow())).json()["imported"] == 3
    async with await RawConnection.open(cluster.urls[0]) as connection:
        await connection.send(head_of(file, user) + file[:-1])
        assert (await connection.until(b"\r\n")).startswith(b"HTTP/1.1 408 ")


async def test_an_export_that_loses_its_database_does_not_look_whole(
    cluster: Cluster, crash_server: EmbeddedPostgres, user: Client, http: httpx.AsyncClient
) -> None:
    # Far more than the sockets hold.
    assert (await import_(http, user, cluster.urls[0], file_of(chats(40, chars=250_000)))).json()["imported"] == 40
    url = f"{cluster.urls[0]}/api/export"

    async with http.stream("GET", url, headers=user.authorization) as response:
        parts = response.aiter_raw()
        begun = await anext(parts)
        await asyncio.to_thread(crash_server.stop, "immediate")
        with pytest.raises(httpx.TransportError):
            async for _ in parts:
                pass
    await asyncio.to_thread(crash_server.start)

    assert begun.startswith(b'{"format":"chatcore"')
    await asyncio.gather(*(replica.serves_again() for replica in cluster.replicas))
    assert len(await exported(http, user, cluster.urls[0])) == 40


async def test_a_very_long_conversation_takes_little_memory(
    cluster: Cluster, user: Client, http: httpx.AsyncClient
) -> None:
    nodes = {
        str(n): {
            "parent": str(n - 1) if n else None,
            "message": {"author": {"role": "user"}, "content": {"parts": ["💬" + "x" * 3000]}},
        }
        for n in range(20_000)
    }
    file = json.dumps([{"id": "long", "mapping": nodes}], ensure_ascii=False).encode()
    before = most_memory(cluster)

    assert (await import_(http, user, cluster.urls[0], file)).json()["imported"] == 1

    assert len(file) > 55 * 1024**2
    assert most_memory(cluster) - before < 25 * 1024**2
    assert await stored_by(cluster, user) == (1, 20_000)


def most_memory(cluster: Cluster) -> int:
    """Returns the most bytes of memory that the first replica has ever used."""
    lines = Path(f"/proc/{cluster.replicas[0].pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))
