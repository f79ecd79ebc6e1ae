"""A signal that arrives while `chatcore serve` starts ends it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from time import sleep

import pytest
from tests.integration.entrypoints.chatcore_service.served import CHATCORE, environment

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
