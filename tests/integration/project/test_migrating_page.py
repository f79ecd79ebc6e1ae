"""The steps of docs/migrating.md work as they are written, over a database of the old kind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import httpx
from attrs import frozen
from tests.integration.adapters.chatcore_postgres.samosachaat.old_service import OldService, old_service
from tests.integration.entrypoints.chatcore_dev.local_program import KEY, answers, local_service, until
from tests.integration.free_port import free_port

from chatcore_dev.auth_service.user_tokens import mint_token
from chatcore_dev.auth_service.users import USERS

_PAGE = Path(__file__).parents[3] / "docs" / "migrating.md"
_STEP = re.compile(r"^### (\d+)\. .*?(?=^##)", re.DOTALL | re.MULTILINE)
_COMMANDS = re.compile(r"^( *)```sh\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
_READER = UUID(USERS["demo"].id)


@frozen
class Steps:
    """Runs the commands of the page in one shell environment."""

    commands: Mapping[int, str]
    env: Mapping[str, str]

    def run(self, step: int) -> list[str]:
        """Runs the commands of a step, which must succeed; returns what they print."""
        ended = subprocess.run(
            ["/bin/sh", "-ec", f"{self.commands[2]}\n{self.commands[step]}"],
            env=self.env,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout.splitlines()

    @contextmanager
    def running(self, command: str, url: str) -> Generator[None]:
        """Runs a command that serves, for the block."""
        process = subprocess.Popen(
            ["/bin/sh", "-ec", f"{self.commands[2]}\nexec {command}"], env=self.env, stdout=subprocess.DEVNULL
        )
        try:
            until(lambda: answers(f"{url}/api/health"), or_ended=process)
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=40)


def _commands(page: str) -> dict[int, str]:
    """Returns the commands of each step."""
    return {int(step[1]): "\n".join(_unindented(step[0])) for step in _STEP.finditer(page)}


def _unindented(step: str) -> Iterator[str]:
    for indent, text in _COMMANDS.findall(step):
        yield re.sub(rf"^{indent}", "", text, flags=re.MULTILINE)


def _write(old: OldService) -> None:
    pancakes = old.talk(1, _READER, title="Pancakes", is_favorited=True)
    old.say(pancakes, 1, content="How do I make pancakes?")
    old.say(pancakes, 2, "assistant", content="Flour, eggs, milk.")
    old.say(pancakes, 3, "assistant", content="")
    old.talk(2, _READER, title="New chat")


def _shown(url: str, talk: int) -> list[str]:
    found = httpx.get(f"{url}/api/conversations/{UUID(int=talk)}", headers=_authorization(), trust_env=False)
    return [message["content"] for message in found.json()["messages"]]


def _authorization() -> dict[str, str]:
    return {"Authorization": f"Bearer {mint_token(KEY, 'demo')}"}


def test_the_steps_bring_a_service_over(blank_database_url: str) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with (
        local_service("auth") as auth_url,
        local_service("inference") as inference_url,
        old_service(blank_database_url, users=[_READER], schema="public") as old,
    ):
        page = _PAGE.read_text()
        for example, real in {
            "postgresql+asyncpg://chat:secret@db.example/samosachaat": blank_database_url.replace(
                "postgresql://", "postgresql+asyncpg://"
            ),
            "http://auth:8001": auth_url,
            "http://inference:8000": inference_url,
            "the key that the old service uses": KEY,
            "http://127.0.0.1:8002": url,
            "--port 8002": f"--port {url.rpartition(':')[2]}",
        }.items():
            assert example in page
            page = page.replace(example, real)
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        steps = Steps(
            _commands(page), {**os.environ, "PATH": path, "TOKEN": mint_token(KEY, "demo"), "NO_PROXY": "127.0.0.1"}
        )
        _write(old)

        steps.run(4)
        dry, imported = _halves(steps.run(5))
        assert dry[0] == "conversations: 2 read, 2 would be added, 0 there already, 0 skipped"
        assert imported[:2] == [
            "conversations: 2 read, 2 added, 0 there already, 0 skipped",
            "messages: 3 read, 2 added, 0 there already, 1 skipped",
        ]
        serve, *questions = steps.commands[6].strip().splitlines()
        with steps.running(serve, url):
            asked = Steps({**steps.commands, 6: "\n".join(questions)}, steps.env)
            assert "Pancakes" in "".join(asked.run(6))
            old.say(UUID(int=1), 4, content="And without eggs?")

            assert steps.run(7)[1] == "messages: 4 read, 1 added, 2 there already, 1 skipped"

            assert _shown(url, 1) == ["How do I make pancakes?", "Flour, eggs, milk.", "And without eggs?"]
            sent = httpx.post(
                f"{url}/api/conversations/{UUID(int=2)}/messages",
                json={"content": "hello", "thinking_mode": False},
                headers=_authorization(),
                trust_env=False,
            )
            assert sent.status_code == 200
            assert len(_shown(url, 2)) == 2
        tables = old.connection.execute("select count(*) from public.messages").fetchone()
        assert tables == (4,)


def _halves(lines: list[str]) -> tuple[list[str], list[str]]:
    end = lines.index("nothing was written") + 1
    return lines[:end], lines[end:]
