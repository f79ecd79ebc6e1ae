"""The API against everything that can be made up from its description, over real sockets and a real database."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from chatcore.input_limits import InputLimits
from chatcore_service.api.all_endpoints import openapi_document
from tests.integration.entrypoints.chatcore_service.api.stored_rows import rows_of
from tests.integration.faults.cluster import Cluster
from tests.integration.faults.model import words
from tests.integration.fuzzing.schemathesis_run import SchemathesisRun
from tests.integration.inference_server import LAST_CHUNK, chunk
from tests.integration.known_users import ALICE, USERS, vouch_for_known_users

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECRET = "the-secret-of-alice"
_TOO_LONG = b'data: {"done":true,"finish_reason":"length"}\n\n'


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cluster(shared_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    # Each feed is read to its end.
    settings = {"INFERENCE_CAN_CONTINUE": "true", "STREAM_MAX_SECONDS": "0.1"}
    folder = tmp_path_factory.mktemp("fuzzing")
    async with Cluster(shared_database_url, folder, size=1, settings=settings) as cluster:
        cluster.auth.on("/auth/validate", vouch_for_known_users)
        # Every reply can be continued, until a message follows it.
        cluster.model.closing = (chunk(_TOO_LONG), LAST_CHUNK)
        yield cluster
        # The process that was there at the beginning, and it knew what to do with every request.
        assert cluster.replicas[0].starts == 1
        assert "Traceback" not in cluster.replicas[0].log_text()


async def test_two_users_and_an_administrator_find_every_operation_as_described(
    cluster: Cluster, tmp_path: Path
) -> None:
    conversation, messages = await a_conversation(cluster.urls[0])
    run = SchemathesisRun(
        peers=("alice", "bob"),
        examples=25,
        parameters={"conversation_id": conversation, "message_id": messages[-1]},
    )

    (await run.against(cluster.urls[0], tmp_path)).require_success()
    assert await operations_that_succeeded(cluster) == described_operations()


async def test_without_a_token_nothing_is_reached_and_nothing_stored(
    cluster: Cluster, shared_database_url: str, tmp_path: Path
) -> None:
    before = [await rows_of(shared_database_url, user) for user in USERS.values()]
    run = SchemathesisRun(examples=10, phases=("coverage", "fuzzing"))

    (await run.against(cluster.urls[0], tmp_path)).require_success()
    assert [await rows_of(shared_database_url, user) for user in USERS.values()] == before


async def test_nothing_of_another_user_is_shown_or_changed_even_to_who_knows_its_ids(
    cluster: Cluster, shared_database_url: str, tmp_path: Path
) -> None:
    conversation, messages = await a_conversation(cluster.urls[0])
    before = await rows_of(shared_database_url, "alice")
    run = SchemathesisRun(
        user="root",
        examples=15,
        ids={"conversation_id": [conversation], "message_id": messages},
        foreign_texts=(SECRET, words(SECRET, 1)[0].strip(), '"alice"', conversation, *messages),
        phases=("coverage", "fuzzing"),
    )

    (await run.against(cluster.urls[0], tmp_path)).require_success()
    assert await rows_of(shared_database_url, "alice") == before


async def a_conversation(base_url: str) -> tuple[str, list[str]]:
    """Creates a conversation of Alice's; returns its id and the ids of its messages."""
    async with httpx.AsyncClient(base_url=base_url, headers=ALICE, trust_env=False) as client:
        made = (await client.post("/api/conversations", json={"title": SECRET})).json()
        await client.post(f"/api/conversations/{made['id']}/messages", json={"content": SECRET})
        opened = (await client.get(f"/api/conversations/{made['id']}")).json()
    return made["id"], [message["id"] for message in opened["messages"]]


async def operations_that_succeeded(cluster: Cluster) -> set[tuple[str, str]]:
    """Methods and paths that were answered with success at least once."""
    async with httpx.AsyncClient(base_url=cluster.urls[0], trust_env=False) as client:
        figures = (await client.get("/metrics")).text
    counted = re.findall(
        r'^http_requests_total\{method="([A-Z]+)",route="([^"]+)",status="[23]\d\d"\}', figures, re.MULTILINE
    )
    return {(method, route) for method, route in counted if method != "HEAD"}


def described_operations() -> set[tuple[str, str]]:
    """Methods and paths of the document."""
    return {
        (method.upper(), path)
        for path, item in openapi_document(InputLimits())["paths"].items()
        for method in item
        if method != "parameters"
    }
