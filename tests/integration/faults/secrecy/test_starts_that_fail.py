"""A service that cannot start says why, and shows nothing of what it was given."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE

import pytest

from tests.integration.faults.secrecy.canary import Canary

KEY, OTHER_KEY, PASSWORD = Canary("the key"), Canary("the other key"), Canary("the password")
SETTINGS = {
    "INTERNAL_API_KEY": f"{KEY.value},{OTHER_KEY.value}",
    "DATABASE_URL": f"postgresql://somebody:{PASSWORD.value}@127.0.0.1:1/chat",
    "AUTH_SERVICE_URL": "http://127.0.0.1:1",
    "INFERENCE_SERVICE_URL": "http://127.0.0.1:1",
    "LOG_LEVEL": "DEBUG",
}
SERVE = ("-m", "chatcore_service", "serve", "--port", "0")
MIGRATE = ("-m", "chatcore_service", "migrate")

# Something fails that nobody foresaw, in a place where nobody can catch it.
SABOTAGE = """
import sys
from chatcore_service import app, cli
from chatcore_postgres import PostgresStorage

def fail(self, *args, **kwargs):
    raise RuntimeError("canaries: " + repr(__import__("os").environ))

{target} = fail
sys.exit(cli.main(["serve", "--port", "0"]))
"""


def sabotaged(target: str) -> tuple[str, ...]:
    return ("-c", SABOTAGE.format(target=target))


async def outcome(command: tuple[str, ...], changes: dict[str, str]) -> tuple[int, str, str]:
    """Returns the exit status of a program and what it wrote."""
    inherited = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "HOME", "TMPDIR") if name in os.environ}
    environment = {**inherited, **SETTINGS, **changes}
    process = await asyncio.create_subprocess_exec(sys.executable, *command, env=environment, stdout=PIPE, stderr=PIPE)
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


# What the service refuses by itself, what an adapter refuses, and what a server refuses.
REFUSED: list[tuple[tuple[str, ...], dict[str, str]]] = [
    (
        SERVE,
        {
            "INTERNAL_API_KEY": f"{KEY.value},{OTHER_KEY.value}é",
            "AUTH_SERVICE_URL": f"http://x:{PASSWORD.value}",
            "LOG_LEVEL": PASSWORD.value,
            "DRAIN_SECONDS": PASSWORD.value,
        },
    ),
    (SERVE, {"DATABASE_URL": f"postgresql://somebody:{PASSWORD.value}@x:port/y?{PASSWORD.value}=1"}),
    (SERVE, {"INFERENCE_SERVICE_URL": f"http://user:{PASSWORD.value}@x"}),
    (MIGRATE, {}),
    # libpq would take what follows the first @ for a host, and show it.
    (SERVE, {"DATABASE_URL": f"postgresql://somebody:a@{PASSWORD.value}@127.0.0.1:1/chat"}),
    (MIGRATE, {"DATABASE_URL": f"postgresql://somebody:a@{PASSWORD.value}@127.0.0.1:1/chat"}),
]


async def test_what_cannot_be_used_is_named_and_not_shown() -> None:
    # All at once: most of the time goes into starting Python.
    outcomes = await asyncio.gather(*(outcome(command, changes) for command, changes in REFUSED))

    for (command, changes), (status, out, err) in zip(REFUSED, outcomes, strict=True):
        assert status in {1, 2}, (command, changes, out)
        assert "Traceback" not in err
        assert {line.split()[0] for line in err.splitlines() if changes} == {*changes}
        assert not any(canary.is_in(out + err) for canary in (KEY, OTHER_KEY, PASSWORD)), (command, changes)


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("app.Container.__new__", "an exception ended the process"),
        ("PostgresStorage.__aenter__", "an adapter could not be opened"),
    ],
)
async def test_what_nobody_foresaw_is_told_without_what_it_quotes(target: str, told: str) -> None:
    status, out, err = await outcome(sabotaged(target), {})

    assert status != 0
    assert err == ""
    lines = [json.loads(line) for line in out.splitlines()]
    (line,) = [line for line in lines if line["message"] == told]
    assert line["exception"][0]["type"] == "RuntimeError"
    assert not any(canary.is_in(out) for canary in (KEY, OTHER_KEY, PASSWORD))
