"""`chatcore serve` as a process: how it starts, works and ends."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from tests.integration.entrypoints.chatcore_service.served import CHATCORE, environment, served
from tests.integration.free_port import free_port


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
