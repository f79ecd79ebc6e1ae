"""Tests `chatcore dev` from the outside: what a person sees who has only Python, a shell and curl."""

import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import httpx
import orjson
import pytest
from tests.integration.entrypoints.chatcore_dev import dev_command
from tests.integration.entrypoints.chatcore_dev.dev_command import Dev, command, commands, frames_in, pasted, text_in
from tests.integration.entrypoints.chatcore_dev.local_program import answers, open_folder, processes_with, until
from tests.integration.free_port import free_port


@pytest.fixture
def folder() -> Generator[Path]:
    with open_folder() as made:
        yield made


@contextmanager
def dev(data: Path) -> Generator[Dev]:
    """Runs the stack with chatbots, whose replies are known and slow."""
    with dev_command.dev(data, "--model", "eliza") as started:
        yield started


@pytest.fixture(scope="module")
def running() -> Generator[Dev]:
    with open_folder() as folder, dev(folder / ".chatcore") as started:
        yield started
        assert started.end() == (0, "")


def test_the_printed_commands_hold_a_conversation(running: Dev) -> None:
    _, _, conversation_id, sent, _, read_again, listed, regenerated, both = pasted(commands(running.greeting))

    for stream in (sent, read_again, regenerated):
        assert frames_in(stream)[-1] == {"done": True}
        assert len(text_in(stream).split()) > 20
    assert text_in(read_again) == text_in(sent)
    items = orjson.loads(listed)["items"]
    assert [item["id"] for item in items] == [conversation_id.strip()]
    assert items[0]["title"].startswith("I need a long story about a lighthouse keeper")
    assert [message["content"] for message in orjson.loads(both)["messages"]][1:] == [
        text_in(sent),
        text_in(regenerated),
    ]


def test_an_interrupted_reply_continues_and_can_be_read_to_its_end(running: Dev) -> None:
    address, token, conversation, send, reply, follow, *_ = commands(running.greeting)

    # `head` ends after a few words, and curl with it.
    *_, sent, _, read_on = pasted([address, token, conversation, f"{send} | head -n 5", reply, follow])

    assert 0 < len(text_in(sent).split()) < 5
    assert text_in(read_on).startswith(text_in(sent))
    assert len(text_in(read_on).split()) > 20
    # The reply was still being generated, so the rest arrived word by word.
    assert len(frames_in(read_on)) > 5
    assert frames_in(read_on)[-1] == {"done": True}


def test_the_greeting_says_where_the_api_docs_and_the_admin_token_are(running: Dev) -> None:
    named = next(line for line in running.greeting.splitlines() if "/docs" in line)

    assert httpx.get(f"{running.url}/docs", trust_env=False).is_success
    log = Path(named.rpartition(" is in ")[2].removesuffix("."))
    admin = next(line.split(": ")[1] for line in log.read_text().splitlines() if line.startswith("token of admin: "))
    swapped = httpx.post(
        f"{running.url}/api/models/swap",
        json={"model_tag": "eliza"},
        headers={"Authorization": f"Bearer {admin}"},
        trust_env=False,
    )
    assert swapped.status_code == 202


def test_the_greeting_fits_a_terminal_and_says_where_the_data_is(running: Dev) -> None:
    assert f"ready on {running.url}\n" in running.greeting
    assert f"kept in {running.data}" in running.greeting
    assert len(running.greeting.splitlines()) < 36
    assert "\nOld-fashioned chatbots write the replies.\n" in running.greeting


def test_the_page_of_the_printed_address_signs_in_once(running: Dev) -> None:
    address = next(line for line in running.greeting.splitlines() if "/#code=" in line)
    page, code = address.split("/#code=")
    described = httpx.get(f"{page}/console/config", trust_env=False).json()["sign_in"]

    first, second = (
        httpx.post(described["exchange_url"], json={"code": code}, headers={"Origin": page}, trust_env=False)
        for _ in range(2)
    )
    assert (first.status_code, second.status_code) == (200, 401)
    bearer = {"Authorization": f"Bearer {first.json()['token']}"}
    assert httpx.get(f"{page}/api/conversations", headers=bearer, trust_env=False).is_success


def test_secrets_logs_and_database_are_readable_by_their_owner_only(running: Dev) -> None:
    for name, mode in {"secrets.json": 0o600, "logs": 0o700, "postgres": 0o700}.items():
        assert stat.S_IMODE((running.data / name).stat().st_mode) == mode


def test_a_second_stack_on_the_same_data_is_refused_in_one_sentence(running: Dev) -> None:
    second = subprocess.run(command(running.data, free_port()), capture_output=True, text=True, timeout=60, check=False)

    assert second.returncode == 1
    assert second.stderr == (
        f"chatcore: Another chatcore dev is using {running.data}; stop that one or choose another folder: "
        'chatcore dev --data-dir FOLDER, or make dev DEV="--data-dir FOLDER".\n'
    )


def print_env(data: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*command(data, 0), "--print-env"], capture_output=True, text=True, timeout=60, check=False)


def test_another_program_gets_the_environment_of_the_running_stack(running: Dev) -> None:
    printed = print_env(running.data)
    assert (printed.returncode, printed.stderr) == (0, "")

    script = f"""
        {printed.stdout}
        {sys.executable} -m chatcore_service migrate
        curl -sf "$CHAT/api/conversations" -H "Authorization: Bearer $TOKEN" >/dev/null && echo "let in"
        curl -sf "$INFERENCE_SERVICE_URL/models" -H "X-Internal-API-Key: $INTERNAL_API_KEY" >/dev/null && echo models
        curl -s -o /dev/null -w '%{{http_code}}' "$AUTH_SERVICE_URL/auth/validate" \
            -H "X-Internal-API-Key: $INTERNAL_API_KEY" -H 'Content-Type: application/json' -d '{{"token": "none"}}'
    """
    shell = subprocess.run(["/bin/sh"], input=script, capture_output=True, text=True, timeout=60, check=True)
    assert shell.stdout == "nothing to do: the database is up to date\nlet in\nmodels\n401"


def test_another_program_finds_the_tables_in_the_schema_of_the_stack(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_SCHEMA", "Chat core")
    with dev(folder):
        printed = print_env(folder)
    monkeypatch.delenv("DATABASE_SCHEMA")

    assert "export DATABASE_SCHEMA='Chat core'\n" in printed.stdout


def test_without_a_running_stack_no_environment_is_printed(folder: Path) -> None:
    (folder / "lock").touch()
    (folder / "environment.json").write_text("{}")

    for data in (folder, folder / "never-used"):
        printed = print_env(data)
        assert (printed.returncode, printed.stdout) == (1, "")
        assert printed.stderr.startswith(f"chatcore: No chatcore dev is running on {data}; start one ")


@pytest.mark.parametrize("origin", ["http://localhost:3000", "http://127.0.0.1:3000"])
def test_a_page_may_be_opened_by_either_name_of_this_machine(running: Dev, origin: str) -> None:
    response = httpx.get(f"{running.url}/api/health", headers={"Origin": origin}, trust_env=False)

    assert response.headers["access-control-allow-origin"] == origin


def test_a_misspelled_setting_is_named(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        ended = subprocess.run(
            command(folder / "data", busy.getsockname()[1]),
            env={**os.environ, "FRONTEND_ULR": "secret"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    first, _, _ = ended.stderr.partition("\n")
    assert first == "chatcore: FRONTEND_ULR is not a setting; is FRONTEND_URL meant?"
    assert "secret" not in ended.stderr


def test_a_busy_port_is_reported_before_anything_starts(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        ended = subprocess.run(command(folder / "data", port), capture_output=True, text=True, timeout=60, check=False)

    assert ended.returncode == 1
    assert ended.stderr == (
        f"chatcore: Port {port} on 127.0.0.1 is in use; end what listens there or choose another: "
        'chatcore dev --port NUMBER, or make dev DEV="--port NUMBER".\n'
    )
    assert not (folder / "data").exists()


def test_an_unusable_data_directory_is_reported_in_one_sentence(folder: Path) -> None:
    (folder / "file").touch()

    ended = subprocess.run(
        command(folder / "file" / "data", free_port()), capture_output=True, text=True, timeout=60, check=False
    )

    assert ended.returncode == 1
    assert ended.stderr == f"chatcore: The data directory {folder}/file/data cannot be used: Not a directory.\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything(folder: Path, number: signal.Signals) -> None:
    with dev(folder) as stack:
        children = stack.children
        assert len(children) == 4

        assert stack.end(number) == (0, "")

        assert not any(Path(f"/proc/{pid}").exists() for pid in children)


def test_ctrl_c_keeps_the_data_for_the_next_run(folder: Path) -> None:
    with dev(folder) as first:
        pasted(commands(first.greeting)[:4])
        assert first.end(signal.SIGINT) == (0, "")
    with dev(folder) as second:
        token = second.greeting.partition("Bearer ")[2].partition("'")[0]
        headers = {"Authorization": f"Bearer {token}"}
        kept = httpx.get(f"{second.url}/api/conversations", headers=headers, trust_env=False).json()

    assert [item["title"] for item in kept["items"]] == [
        "I need a long story about a lighthouse keeper who finds a letter in a bottle,…"
    ]


@pytest.mark.parametrize(
    ("argument", "name"),
    [
        ("chatcore_dev.auth_service", "The auth service"),
        ("chatcore_dev.inference_service", "The inference service"),
        ("--host", "The chat service"),
        ("postgres", "PostgreSQL"),
    ],
)
def test_if_one_program_dies_all_stop_and_one_sentence_says_which(folder: Path, argument: str, name: str) -> None:
    with dev(folder) as stack:
        children = stack.children

        os.kill(stack.child(argument), signal.SIGKILL)
        _, errors = stack.process.communicate(timeout=60)

        assert stack.process.returncode == 1
        assert errors.startswith(f"chatcore: {name} ended with status -9; its last line was: ")
        assert errors.count("\n") == 1
        assert not any(Path(f"/proc/{pid}").exists() for pid in children)


def test_if_the_stack_is_killed_no_process_remains(folder: Path) -> None:
    with dev(folder) as stack:
        children = stack.children

        stack.process.kill()
        stack.process.wait()

        until(lambda: not any(running_still(pid) for pid in children))
        assert not answers(f"{stack.url}/api/health")


def running_still(pid: int) -> bool:
    """Returns whether the process is running; a zombie is not."""
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_ctrl_c_during_the_start_leaves_no_process_behind(folder: Path) -> None:
    process = subprocess.Popen(command(folder, free_port()), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with process:
        until(lambda: (folder / "postgres.new").exists() or (folder / "postgres").exists(), or_ended=process)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)

    assert (process.returncode, errors) == (0, "")
    assert processes_with(str(folder)) == []
