"""`chatcore serve` as a process: how it starts, how it refuses to, and how it ends."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import monotonic, sleep

import httpx
import pytest
from tests.integration.free_port import free_port

CHATCORE = [sys.executable, "-m", "chatcore_service"]

# Sends itself SIGINT before it can drain, at a moment at which Python only reports an exception and goes on.
INTERRUPTED = """
import signal, sys

class Interrupted:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)

sys.addaudithook(lambda event, arguments: Interrupted() and None if event == "socket.bind" else None)

from chatcore_service.__main__ import main
sys.exit(main())
"""

# Nothing listens on this port.
NOWHERE = "127.0.0.1:1"

SETTINGS = {
    "INTERNAL_API_KEY": "the-internal-key",
    "DATABASE_URL": f"postgresql://somebody:the-password@{NOWHERE}/chat",
    "AUTH_SERVICE_URL": f"http://{NOWHERE}",
    "INFERENCE_SERVICE_URL": f"http://{NOWHERE}",
}


def environment(**changes: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name in {"PATH", "PYTHONPATH", "HOME", "TMPDIR"}}
    return {**inherited, **SETTINGS, **changes}


def run(*arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*CHATCORE, *arguments], env=environment(**changes), capture_output=True, text=True, timeout=30, check=False
    )


class Served:
    """A running `chatcore serve`."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self.process = process
        self.url = f"http://127.0.0.1:{port}"
        self.log = log

    def lines(self, message: str) -> list[dict[str, object]]:
        """Returns the log lines with this message."""
        parsed = [json.loads(line) for line in self.log.read_text().splitlines()]
        return [line for line in parsed if line["message"] == message]

    def until_it_says(self, message: str, times: int = 1) -> None:
        """Waits for a log line."""
        deadline = monotonic() + 20
        while len(self.lines(message)) < times:
            assert monotonic() < deadline, self.log.read_text()
            sleep(0.02)

    def end(self, *signals: signal.Signals) -> int:
        """Sends signals; returns the exit status."""
        *earlier, last = signals
        for number in earlier:
            self.process.send_signal(number)
            # Two signals that arrive together count once.
            self.until_it_says("draining")
        self.process.send_signal(last)
        return self.process.wait(timeout=30)


@contextmanager
def served(
    folder: Path, *arguments: str, workers: int = 1, launcher: Sequence[str] = (), **changes: str
) -> Iterator[Served]:
    """Runs the service for the duration of the block; a launcher is a program that runs the command behind it."""
    port, log = free_port(), folder / "log"
    command = [*launcher, *CHATCORE, "serve", "--port", str(port), "--workers", str(workers), *arguments]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=environment(**changes), stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    served = Served(process, port, log)
    try:
        served.until_it_says("listening", times=workers)
        yield served
    finally:
        process.kill()
        process.wait()


# -- Refusing to start -----------------------------------------------------------------------------------------------


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


# -- Running and ending ----------------------------------------------------------------------------------------------


def test_it_starts_without_its_database_and_is_not_ready(tmp_path: Path) -> None:
    with served(tmp_path) as process:
        ready = httpx.get(f"{process.url}/api/ready", timeout=10)
        health = httpx.get(f"{process.url}/api/health")

    assert ready.status_code == 503
    assert ready.json()["status"] == "unavailable"
    assert ready.json()["checks"] == {
        "process": "ok",
        "database": "unavailable",
        "auth": "unavailable",
        "inference": "unavailable",
    }
    assert health.json() == {"status": "ok", "ready": True, "service": "chat-api"}


@pytest.mark.parametrize("signals", [[signal.SIGTERM], [signal.SIGINT], [signal.SIGTERM, signal.SIGINT]])
def test_a_signal_ends_it_in_order(tmp_path: Path, signals: list[signal.Signals]) -> None:
    with served(tmp_path) as process:
        status = process.end(*signals)

    assert status == 0
    assert process.lines("drained")
    assert process.lines("stopped")


def test_a_signal_in_the_middle_of_the_start_ends_it_in_order(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*CHATCORE, "serve", "--port", "0"], env=environment(), stdout=output, stderr=subprocess.STDOUT
        )
    sleep(0.05)
    process.send_signal(signal.SIGTERM)

    assert process.wait(timeout=30) in {0, -signal.SIGTERM, 128 + signal.SIGTERM}
    assert "Traceback" not in log.read_text()


@pytest.mark.parametrize("workers", [1, 2])
def test_no_signal_in_the_middle_of_the_start_is_lost(workers: int) -> None:
    command = [sys.executable, "-c", INTERRUPTED, "serve", "--port", "0", "--workers", str(workers)]
    ended = subprocess.run(command, env=environment(), capture_output=True, timeout=30, check=False)

    assert (ended.returncode, ended.stdout, ended.stderr) == (128 + signal.SIGINT, b"", b"")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_workers_share_their_metrics_and_end_together(tmp_path: Path, number: signal.Signals) -> None:
    with served(tmp_path, workers=2, TMPDIR=str(tmp_path)) as process:
        for _ in range(20):
            # One connection for each request, so that both workers get some.
            assert httpx.get(f"{process.url}/api/health").status_code == 200
        metrics = httpx.get(f"{process.url}/metrics").text
        assert 'http_requests_total{method="GET",route="/api/health",status="200"} 20.0' in metrics
        status = process.end(number)

    assert status == 0
    assert len(process.lines("stopped")) == 2
    assert list(tmp_path.glob("chatcore-metrics-*")) == []


def test_the_metrics_of_a_killed_service_are_removed_by_the_next(tmp_path: Path) -> None:
    with served(tmp_path, workers=2, TMPDIR=str(tmp_path)) as killed:
        killed.process.kill()
        killed.until_it_says("stopped", times=2)
    killed.process.wait()
    assert len(list(tmp_path.glob("chatcore-metrics-*"))) == 1

    with served(tmp_path, workers=2, TMPDIR=str(tmp_path)) as first:
        (own,) = tmp_path.glob("chatcore-metrics-*")
        assert own.name.startswith(f"chatcore-metrics-{first.process.pid}-")
        (tmp_path / "second").mkdir()
        with served(tmp_path / "second", workers=2, TMPDIR=str(tmp_path)):
            assert len(list(tmp_path.glob("chatcore-metrics-*"))) == 2


def test_a_worker_that_dies_is_replaced(tmp_path: Path) -> None:
    with served(tmp_path, workers=2) as process:
        pid = process.lines("listening")[0]["pid"]
        assert isinstance(pid, int)
        os.kill(pid, signal.SIGKILL)
        process.until_it_says("listening", times=3)
        assert httpx.get(f"{process.url}/api/health").status_code == 200
        status = process.end(signal.SIGTERM)

    assert status == 0
    assert len(process.lines("a worker died")) == 1


def test_workers_end_when_their_parent_was_killed(tmp_path: Path) -> None:
    with served(tmp_path, workers=2) as process:
        process.process.kill()
        process.until_it_says("stopped", times=2)


def test_all_output_is_json_without_secrets(tmp_path: Path) -> None:
    with served(tmp_path, LOG_LEVEL="DEBUG") as process:
        response = httpx.get(
            f"{process.url}/api/conversations?token=the-query-token",
            headers={"Authorization": "Bearer the-token", "User-Agent": "x" * 1000},
        )
        process.end(signal.SIGTERM)

    written = process.log.read_text()
    assert response.status_code == 503
    assert all(json.loads(line)["service"] == "chat-api" for line in written.splitlines())
    for secret in ("the-token", "the-query-token", "the-internal-key", "the-password"):
        assert secret not in written


@pytest.mark.parametrize("workers", [1, 2])
def test_a_log_that_nobody_reads_holds_up_neither_requests_nor_the_end(workers: int) -> None:
    port = free_port()
    command = [*CHATCORE, "serve", "--port", str(port), "--workers", str(workers)]
    process = subprocess.Popen(
        command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    )
    assert process.stdout is not None
    try:
        while b'"listening"' not in process.stdout.readline():
            pass
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
            # Each line has 300 characters of the path, and a pipe takes 64 KiB.
            refused = {client.get(f"/{'a' * 300}").status_code for _ in range(400)}
            health = client.get("/api/health").status_code
        process.send_signal(signal.SIGTERM)
        status = process.wait(timeout=30)
        lines = process.stdout.read().splitlines()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()

    assert (refused, health, status) == ({404}, 200, 0)
    assert all(json.loads(line) for line in lines)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_flood_of_connections_leaves_room_for_everything_else(tmp_path: Path, workers: int) -> None:
    few_files = ("sh", "-c", 'ulimit -Sn 200 && ulimit -Hn 400 && exec "$@"', "sh")
    with served(tmp_path, workers=workers, launcher=few_files) as process, ExitStack() as flood:
        limits = [Path(f"/proc/{line['pid']}/limits").read_text() for line in process.lines("listening")]
        port = int(process.url.rpartition(":")[2])
        for _ in range(500 * workers):
            connection = flood.enter_context(socket.create_connection(("127.0.0.1", port)))
            connection.sendall(b"GET /api/health HTTP/1.1\r\n")
        health = [httpx.get(f"{process.url}/api/health", timeout=10).status_code for _ in range(5)]
        listed = httpx.get(f"{process.url}/api/conversations", timeout=10)

    assert [re.findall(r"Max open files +(\d+) +(\d+)", text) for text in limits] == [[("400", "400")]] * workers
    assert health == [200] * 5
    # The request was served: it has no token.
    assert listed.status_code == 401
    assert len(process.lines("the limit of file descriptors allows fewer connections")) == 1
    assert all("Too many open files" not in line for line in process.log.read_text().splitlines())
