"""A command that cannot be done says why in a sentence, quotes no secret, and has the exit status for that."""

from __future__ import annotations

import json
import socket

import pytest
from tests.integration.entrypoints.chatcore_service.served import run


def test_every_variable_with_a_problem_is_named_in_a_line_of_its_own() -> None:
    result = run("serve", INTERNAL_API_KEY="", MAX_STREAMS_PER_USER="many", LOG_LEVEL="loud")

    assert result.returncode == 2
    names = [line.split()[0] for line in result.stderr.splitlines()]
    assert names == ["INTERNAL_API_KEY", "MAX_STREAMS_PER_USER", "LOG_LEVEL"]
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://somebody:the-password@x/y"),
        ("AUTH_SERVICE_URL", "auth:8001"),
        ("INFERENCE_SERVICE_URL", "http://user:the-password@x"),
    ],
)
def test_an_unusable_address_is_named_and_not_quoted(name: str, value: str) -> None:
    result = run("serve", "--port", "0", **{name: value})

    assert result.returncode == 2
    assert result.stderr.startswith(name)
    assert len(result.stderr.splitlines()) == 1
    assert "the-password" not in result.stderr


def test_a_taken_port_is_reported_in_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        result = run("serve", "--port", str(port))

    assert result.returncode == 1
    assert result.stderr == f"Cannot listen on 127.0.0.1 port {port}: Address already in use.\n"


@pytest.mark.parametrize(
    "arguments", [[], ["serve", "--port", "65536"], ["serve", "--port", "x"], ["serve", "--workers", "0"], ["nothing"]]
)
def test_a_misspelt_command_line_is_explained(arguments: list[str]) -> None:
    result = run(*arguments)

    assert result.returncode == 2
    assert result.stderr.startswith("usage: chatcore")


def test_a_misspelled_setting_is_named_although_the_start_fails() -> None:
    result = run("serve", INTERNAL_API_KEY="", INTERNAL_API_KYE="the-key")

    assert result.stderr == "INTERNAL_API_KEY is required.\n"
    [line] = result.stdout.splitlines()
    assert json.loads(line)["did_you_mean"] == {"INTERNAL_API_KYE": "INTERNAL_API_KEY"}
    assert "the-key" not in line


def test_a_migration_without_a_database_fails_with_one_sentence() -> None:
    result = run("migrate")

    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert "the-password" not in result.stderr
