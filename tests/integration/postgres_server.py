"""Where the integration tests get their PostgreSQL from.

In this order: the server that CHATCORE_TEST_DATABASE_URL names; a container, if a Docker engine answers; the server
that comes as a wheel. The last is always there, so no test is ever skipped for want of a database.
"""

from __future__ import annotations

import gc
import os
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from urllib.parse import urlsplit

import docker
import psycopg
from attrs import frozen
from docker.errors import DockerException
from testcontainers.community.postgres import PostgresContainer

from tests.integration.embedded_postgres import EmbeddedPostgres

DATABASE_URL_VARIABLE = "CHATCORE_TEST_DATABASE_URL"
IMAGE_VARIABLE = "CHATCORE_TEST_POSTGRES_IMAGE"
DEFAULT_IMAGE = "postgres:18-alpine"


@frozen
class PostgresServer:
    """A running server, its superuser's (or at least a database creator's) address, and what it is in words."""

    url: str
    description: str

    def database_url(self, database: str) -> str:
        """Returns the address of another database of the server."""
        return urlsplit(self.url)._replace(path=f"/{database}").geturl()


@contextmanager
def find_postgres() -> Iterator[PostgresServer]:
    """Provides the server to test against, and stops everything that was started for it at the end."""
    given = os.environ.get(DATABASE_URL_VARIABLE)
    if given:
        yield _described(given, f"the server of {DATABASE_URL_VARIABLE}")
        return
    container, why_not = _start_container(os.environ.get(IMAGE_VARIABLE) or DEFAULT_IMAGE)
    if container is None:
        with EmbeddedPostgres(durable=False) as embedded:
            yield _described(embedded.url(), f"the embedded server, because {why_not}")
        return
    try:
        url = container.get_connection_url(driver=None)
        yield _described(url, f"testcontainers, image {container.image}")
    finally:
        container.stop()


def _start_container(image: str) -> tuple[PostgresContainer | None, str]:
    """Returns the started container, or None and the reason."""
    if not _docker_answers():
        return None, "no Docker engine answers"
    # The data is thrown away: there is no need to wait for the disk.
    options = "postgres -c fsync=off -c full_page_writes=off -c synchronous_commit=off -c max_connections=200"
    container = PostgresContainer(image).with_command(options)
    try:
        container.start()
    # OSError: what requests raises, and the TimeoutError of a server that does not come up.
    except (DockerException, OSError) as error:
        container.stop()
        return None, f"a container of the image {image} cannot be started: {error!s:.300}"
    return container, ""


def _docker_answers() -> bool:
    with warnings.catch_warnings():
        # The client leaves the socket of a connection that failed to the garbage collector, which would complain in
        # the middle of some test.
        warnings.simplefilter("ignore", ResourceWarning)
        try:
            return _pinged()
        finally:
            gc.collect()


def _pinged() -> bool:
    try:
        with closing(docker.from_env(timeout=10)) as client:
            return bool(client.ping())
    except DockerException:
        return False


def _described(url: str, source: str) -> PostgresServer:
    with psycopg.connect(url) as connection:
        version = connection.info.parameter_status("server_version")
    return PostgresServer(url, f"PostgreSQL {version}: {source}")
