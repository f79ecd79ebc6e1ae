"""Tests which variables are taken for misspelled settings, and what is logged about them."""

import json
from collections.abc import Iterator

import pytest
from tests.restored_logging import restored_logging

from chatcore_service.logs import flush_logs
from chatcore_service.misspelled_settings import misspelled_settings, warn_of_misspelled_settings
from chatcore_service.settings import setting_names


@pytest.fixture(autouse=True)
def _logging_is_restored() -> Iterator[None]:
    with restored_logging():
        yield


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("DATABASE_ULR", "DATABASE_URL"),
        ("DATABASEURL", "DATABASE_URL"),
        ("database_url", "DATABASE_URL"),
        ("AUTH_SERVICE_URI", "AUTH_SERVICE_URL"),
        ("INTERNAL_API_KEYS", "INTERNAL_API_KEY"),
        ("ADMIN_EMAIL", "ADMIN_EMAILS"),
        ("LOGLEVEL", "LOG_LEVEL"),
        ("FRONTEND_URLS", "FRONTEND_URL"),
    ],
)
def test_a_name_close_to_a_setting_is_found(name: str, meant: str) -> None:
    assert misspelled_settings([name, "PATH"]) == {name: meant}


def test_settings_and_names_that_are_not_close_are_not_found() -> None:
    others = ["PATH", "HOME", "PGPASSWORD", "DATABASE_NAME", "AUTH_SERVICE_HOST", "AUTH_SERVICE_PORT", "LOG_FORMAT"]
    kubernetes = ["INFERENCE_SERVICE_PORT", "INFERENCE_SERVICE_HOST", "INFERENCE_PORT_8000_TCP_ADDR", "AUTH_PORT"]

    assert misspelled_settings([*setting_names(), *others, *kubernetes]) == {}


def test_all_names_are_logged_in_one_line_without_values(capfd: pytest.CaptureFixture[str]) -> None:
    warn_of_misspelled_settings({"DATABASE_ULR": "secret", "LOG_LEVL": "secret", "PATH": "/bin"})

    assert flush_logs()
    [line] = capfd.readouterr().out.splitlines()
    assert "secret" not in line
    logged = json.loads(line)
    assert (logged["level"], logged["service"]) == ("warning", "chat-api")
    assert logged["did_you_mean"] == {"DATABASE_ULR": "DATABASE_URL", "LOG_LEVL": "LOG_LEVEL"}


def test_nothing_is_logged_otherwise(capfd: pytest.CaptureFixture[str]) -> None:
    warn_of_misspelled_settings({"DATABASE_URL": "postgresql://db/chat", "PATH": "/bin"})

    assert flush_logs()
    assert capfd.readouterr().out == ""
