"""Ctrl-C in the middle of a measurement ends it, and all that it has started."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from benchmarks.processes import family

from tests.integration.entrypoints.chatcore_dev.local_program import until

_COMMAND = [sys.executable, "-m", "benchmarks", "--only", "streams", "--streams", "1", "--seconds", "60"]


@pytest.mark.parametrize(
    ("number", "send"),
    # A terminal's Ctrl-C is heard by all.
    [(signal.SIGINT, os.killpg), (signal.SIGINT, os.kill), (signal.SIGTERM, os.kill)],
    ids=["Ctrl-C", "SIGINT", "SIGTERM"],
)
def test_a_request_to_stop_ends_a_measurement_and_all_its_processes(
    number: int, send: Callable[[int, int], None]
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # The database's own account has to get through to its data.
        folder.chmod(0o755)
        command = [*_COMMAND, f"--output={folder / 'none.json'}"]
        with subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "TMPDIR": name},
            process_group=0,
        ) as run:
            until(lambda: any("load_client" in command_of(pid) for pid in family(run.pid)), or_ended=run)
            started = family(run.pid)
            send(run.pid, number)
            _, said = run.communicate(timeout=30)
        assert (run.returncode, said) == (1, "Stopped; the results of completed parts are kept.\n")
        assert not [pid for pid in started if command_of(pid)]
        assert not list(folder.iterdir())


def command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""
