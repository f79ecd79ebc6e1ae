"""One service for all tests of this folder: what one of them sends must leave it whole for the next."""

import shutil
from collections.abc import AsyncIterator, Iterator

import httpx
import psycopg
import pytest
import pytest_asyncio

from tests.integration.bad_input.nginx import nginx_passing_on
from tests.integration.bad_input.service import Service
from tests.integration.faults.cluster import Cluster
from tests.integration.known_users import ROOT, vouch_for_known_users
from tests.integration.missing_programs import leave_out


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def service(shared_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    """Provides the service, and a conversation of the caller's."""
    # A body that is cut short and the end of a feed are waited for; the tests are in a hurry.
    settings = {
        "BODY_TIMEOUT_SECONDS": "1",
        "STREAM_MAX_SECONDS": "0.1",
        "LOG_LEVEL": "INFO",
        "INFERENCE_CAN_CONTINUE": "true",
    }
    cluster = Cluster(shared_database_url, tmp_path_factory.mktemp("bad-input"), size=1, settings=settings)
    async with cluster, await psycopg.AsyncConnection.connect(shared_database_url, autocommit=True) as connection:
        cluster.auth.on("/auth/validate", vouch_for_known_users)
        replica = cluster.replicas[0]
        process = replica.pid
        yield await _with_a_conversation(cluster, connection)
        async with httpx.AsyncClient(base_url=replica.base_url, trust_env=False) as client:
            assert (await client.get("/api/health")).status_code == 200
        assert (replica.pid, replica.starts) == (process, 1)
        assert "Traceback" not in replica.log_text()


async def _with_a_conversation(cluster: Cluster, connection: psycopg.AsyncConnection) -> Service:
    async with httpx.AsyncClient(base_url=cluster.urls[0], headers=ROOT, trust_env=False) as client:
        made = (await client.post("/api/conversations")).json()
        await client.post(f"/api/conversations/{made['id']}/messages", json={"content": "hi"})
        opened = (await client.get(f"/api/conversations/{made['id']}")).json()
    return Service(
        base_url=cluster.urls[0], conversation=made["id"], reply=opened["messages"][-1]["id"], connection=connection
    )


@pytest_asyncio.fixture(loop_scope="session")
async def nothing_is_stored(service: Service) -> AsyncIterator[None]:
    """Fails a test after which there is anything else in the database than before."""
    before = await service.rows()
    yield
    assert await service.rows() == before


@pytest.fixture(scope="package")
def proxy_url(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Provides the address of an nginx before the service."""
    with nginx_passing_on(service.base_url, tmp_path_factory.mktemp("nginx")) as url:
        yield url


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "nginx: needs nginx")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out tests that need a program which this machine does not have, and reports them."""
    if shutil.which("nginx") is None:
        leave_out(config, items, marker="nginx")
