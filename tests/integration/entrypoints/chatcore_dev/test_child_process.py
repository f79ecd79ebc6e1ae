"""Tests how child processes are stopped, and how failures are reported."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest
from tests.integration.entrypoints.chatcore_dev.local_program import until

from chatcore_dev.child_process import ChildProcess, Program, run_to_end
from chatcore_dev.interruption import Interruption, StopRequestedError
from chatcore_dev.local_stack_error import LocalStackError

# Prints the requests to stop that it receives, and exits on the second.
STUBBORN = """
import signal, sys, time
seen = []
def on_signal(*_):
    seen.append(1)
    print("seen", len(seen), flush=True)
    if len(seen) == 2:
        sys.exit(7)
signal.signal(signal.SIGTERM, on_signal)
print("ready", flush=True)
while True:
    time.sleep(0.01)
"""


def python(tmp_path: Path, code: str, *, stop_timeout_seconds: float = 20) -> Program:
    command = [sys.executable, "-c", code]
    return Program(name="The program", command=command, log=tmp_path / "log", stop_timeout_seconds=stop_timeout_seconds)


def stubborn(tmp_path: Path, interruption: Interruption, *, stop_timeout_seconds: float = 20) -> ChildProcess:
    child = ChildProcess(python(tmp_path, STUBBORN, stop_timeout_seconds=stop_timeout_seconds), interruption)
    until(lambda: child.program.last_line() == "ready")
    return child


def test_a_second_request_to_stop_is_passed_on(tmp_path: Path) -> None:
    # `child.stop()` sends the first signal. This program requests a second stop once the child has reported the first.
    impatient = f"""
import os, time
while "seen 1" not in open({str(tmp_path / "log")!r}).read():
    time.sleep(0.01)
os.kill({os.getpid()}, 2)
"""
    with Interruption() as interruption:
        child = stubborn(tmp_path, interruption)
        bystander = ChildProcess(
            Program(name="", command=[sys.executable, "-c", impatient], log=tmp_path / "other"), interruption
        )

        child.stop()

        bystander.stop()
    assert child.exit_status == 7


def test_a_program_that_does_not_stop_in_time_is_killed(tmp_path: Path) -> None:
    with Interruption() as interruption:
        child = stubborn(tmp_path, interruption, stop_timeout_seconds=0.2)
        began = time.monotonic()

        child.stop()

    assert child.exit_status == -signal.SIGKILL
    assert time.monotonic() - began < 5


def test_stopping_a_program_that_has_ended_does_nothing(tmp_path: Path) -> None:
    with Interruption() as interruption:
        child = ChildProcess(python(tmp_path, "pass"), interruption)
        child.wait()

        child.stop()

    assert child.exit_status == 0


def test_a_program_that_fails_is_reported_with_its_last_line(tmp_path: Path) -> None:
    with Interruption() as interruption, pytest.raises(LocalStackError) as caught:
        run_to_end(python(tmp_path, "raise ValueError('no good')"), interruption)

    assert str(caught.value) == f"The program failed: ValueError: no good (all of it is in {tmp_path}/log)."


def test_a_request_to_stop_stops_the_awaited_program(tmp_path: Path) -> None:
    asks_us_to_stop = f"import os, time; os.kill({os.getpid()}, 15); time.sleep(60)"

    with Interruption() as interruption, pytest.raises(StopRequestedError):
        run_to_end(python(tmp_path, asks_us_to_stop), interruption)
