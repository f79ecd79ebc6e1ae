"""What tests ask for: a fresh, migrated database each, an inference service at their command, or a language model."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from chatcore_dev.model_service.model_file import find_model
from chatcore_postgres import migrate
from tests.integration.inference_server import InferenceServer
from tests.integration.language_model import LanguageModel
from tests.integration.missing_programs import leave_out
from tests.integration.new_database import empty, new_database
from tests.integration.postgres_server import PostgresServer, find_postgres
from tests.integration.run_notes import note, print_notes, take_over_notes

_FAULTS = Path(__file__).with_name("faults")


@pytest.fixture(scope="session")
def postgres(pytestconfig: pytest.Config) -> Iterator[PostgresServer]:
    """Provides the server of this run."""
    with find_postgres() as server:
        note(pytestconfig, server.description)
        yield server


@pytest.fixture(scope="session")
def postgres_url(postgres: PostgresServer) -> str:
    """Provides the address of the server's maintenance database."""
    return postgres.url


@pytest.fixture(scope="session")
def template_database(postgres: PostgresServer) -> Iterator[str]:
    """Provides the name of a database with all migrations, made once; nobody may be connected to it."""
    with new_database(postgres) as name:
        asyncio.run(migrate(postgres.database_url(name)))
        yield name


@pytest.fixture
def database_url(postgres: PostgresServer, template_database: str) -> Iterator[str]:
    """Provides the address of a migrated and empty database of the test's own."""
    with new_database(postgres, template=template_database) as name:
        yield postgres.database_url(name)


@pytest.fixture(scope="module")
def module_database_url(postgres: PostgresServer, template_database: str) -> Iterator[str]:
    """Provides the same for all tests of a module."""
    with new_database(postgres, template=template_database) as name:
        yield postgres.database_url(name)


@pytest.fixture
def emptied_database_url(module_database_url: str) -> Iterator[str]:
    """Provides a migrated and empty database in a tenth of the time, for tests that only read and write rows."""
    yield module_database_url
    empty(module_database_url)


@pytest.fixture(scope="package")
def shared_database_url(postgres: PostgresServer, template_database: str) -> Iterator[str]:
    """Provides the same for all tests of a folder."""
    with new_database(postgres, template=template_database) as name:
        yield postgres.database_url(name)


@pytest.fixture
def blank_database_url(postgres: PostgresServer) -> Iterator[str]:
    """Provides the address of a database without any tables, for the tests of the migrations."""
    with new_database(postgres) as name:
        yield postgres.database_url(name)


@pytest.fixture
async def server() -> AsyncIterator[InferenceServer]:
    """Provides an inference service that answers as its test says."""
    async with InferenceServer() as server:
        yield server


@pytest.fixture(scope="session")
def language_model() -> Iterator[LanguageModel]:
    """Provides a real language model, which no test may kill."""
    with LanguageModel() as model:
        yield model


@pytest.fixture(params=[512, 1], ids=["by the loop", "in turns"])
def reading(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Has everything done twice: as the model's tokens are read where streams are few, and where they are many."""
    monkeypatch.setattr("chatcore_inference.http.pool._MANY", request.param)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "language_model: needs the wheels of the language model, which CI must have")
    # What a shell runs in the background ignores SIGINT, and so would the programs that the tests start and interrupt,
    # until they set a handler.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out tests that need the language model where it is not installed, except in CI, and reports them.

    The tests of faults, whose modules take longest, come first: the workers of pytest-xdist then end at the same time.
    """
    if find_model() is None and not os.environ.get("CI"):
        leave_out(config, items, marker="language_model")
    items.sort(key=lambda item: _FAULTS not in item.path.parents)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:  # noqa: ANN401, ARG001 - the hook of pytest-xdist
    """Takes over what a worker has to say; one that crashed says nothing."""
    take_over_notes(node.config, getattr(node, "workeroutput", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Says which PostgreSQL the tests ran against, and which tests were left out."""
    print_notes(terminalreporter, config)
