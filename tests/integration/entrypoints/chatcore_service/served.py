"""The command line of the service as a process, in an environment of the test's own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

from tests.integration.free_port import free_port

CHATCORE = [sys.executable, "-m", "chatcore_service"]

# Nothing listens on this port.
_NOWHERE = "127.0.0.1:1"

_SETTINGS = {
    "INTERNAL_API_KEY": "the-internal-key",
    "DATABASE_URL": f"postgresql://somebody:the-password@{_NOWHERE}/chat",
    "AUTH_SERVICE_URL": f"http://{_NOWHERE}",
    "INFERENCE_SERVICE_URL": f"http://{_NOWHERE}",
}


def environment(**changes: str) -> dict[str, str]:
    """Returns the variables of a service that reaches no other one, with changes."""
    inherited = {name: value for name, value in os.environ.items() if name in {"PATH", "PYTHONPATH", "HOME", "TMPDIR"}}
    return {**inherited, **_SETTINGS, **changes}


def run(*arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end."""
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
