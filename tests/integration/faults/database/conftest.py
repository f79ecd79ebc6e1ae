"""Two replicas that look at their database through a proxy, which loses and forges answers, for all tests here."""

from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import pytest
import pytest_asyncio

from tests.integration.embedded_postgres import EmbeddedPostgres
from tests.integration.faults.client import Client
from tests.integration.faults.cluster import Cluster
from tests.integration.faults.fresh_database import fresh_database
from tests.integration.faults.postgres_proxy import PostgresProxy


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def proxy(crash_server: EmbeddedPostgres) -> AsyncIterator[PostgresProxy]:
    async with PostgresProxy("127.0.0.1", crash_server.port) as proxy:
        yield proxy


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def cluster(
    crash_server: EmbeddedPostgres, proxy: PostgresProxy, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Cluster]:
    database_url = await fresh_database(crash_server)
    folder = tmp_path_factory.mktemp("database-faults")
    async with Cluster(database_url, folder, service_database_url=proxy.url(database_url), is_clean=False) as cluster:
        yield cluster


@pytest.fixture(autouse=True)
def _heal(proxy: PostgresProxy) -> Iterator[None]:
    yield
    proxy.heal()


@pytest.fixture
def user(cluster: Cluster) -> Client:
    return cluster.user(uuid4().hex[:8])
