"""Runs programs as child processes that do not outlive this process."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from attrs import frozen

from chatcore_dev.interruption import Interruption, StopRequestedError
from chatcore_dev.local_stack_error import LocalStackError

_SET_PARENT_DEATH_SIGNAL = 1
_TICK_SECONDS = 0.02
_SECONDS_AFTER_KILL = 5


@frozen
class Account:
    """A system account under which a program runs instead of our own."""

    uid: int
    gid: int


@frozen(kw_only=True)
class Program:
    """A program to run."""

    #: The program's name in messages to the person at the terminal.
    name: str
    command: Sequence[str]
    #: The file for the program's output, which is emptied when the program starts.
    log: Path
    environment: Mapping[str, str] | None = None
    directory: Path | None = None
    account: Account | None = None
    #: The signal that requests a graceful stop. A program that takes longer than `stop_timeout_seconds` is killed.
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout_seconds: float = 10

    def last_line(self) -> str:
        """Returns the last fatal line of the log, or else the last line.

        PostgreSQL writes more lines after a fatal one.
        """
        lines = self.log.read_text(errors="replace").strip().splitlines() or ["nothing"]
        fatal = [line for line in lines if "FATAL: " in line or "PANIC: " in line]
        return (fatal or lines)[-1].strip()


class ChildProcess:
    """Runs a program in a process group of its own.

    Ctrl-C therefore reaches only this process, which then stops all programs in order.
    """

    def __init__(self, program: Program, interruption: Interruption) -> None:
        self.program = program
        self._interruption = interruption
        self._process = _start(program)

    @property
    def pid(self) -> int:
        """Returns the process id."""
        return self._process.pid

    @property
    def exit_status(self) -> int | None:
        """Returns the exit status, which is negative for a signal; None while the program runs."""
        return self._process.poll()

    def require_running(self) -> None:
        """Checks that the program is running.

        Raises:
            LocalStackError: the program has ended.
        """
        if self.exit_status is not None:
            raise LocalStackError(
                f"{self.program.name} ended with status {self.exit_status}; its last line was: "
                f"{self.program.last_line()} (all of it is in {self.program.log})."
            )

    def stop(self) -> None:
        """Stops the program gracefully, or kills it after the timeout.

        Each further request to stop is passed on to the program, which may then stop faster.
        """
        requests = self._interruption.requests
        deadline = time.monotonic() + self.program.stop_timeout_seconds
        self._signal(self.program.stop_signal)
        while self.exit_status is None and time.monotonic() < deadline:
            time.sleep(_TICK_SECONDS)
            if self._interruption.requests > requests:
                requests = self._interruption.requests
                self._signal(self.program.stop_signal)
        if self.exit_status is None:
            self._signal(signal.SIGKILL)
            self._process.wait(_SECONDS_AFTER_KILL)

    def wait(self) -> int:
        """Waits for the program to end and returns its exit status.

        Raises:
            StopRequestedError: a stop was requested meanwhile; the program has been stopped.
        """
        try:
            while (status := self.exit_status) is None:
                self._interruption.pause()
        except StopRequestedError:
            self.stop()
            raise
        return status

    def _signal(self, number: signal.Signals) -> None:
        # `send_signal` does nothing if the program has already ended.
        self._process.send_signal(number)


def run_to_end(program: Program, interruption: Interruption) -> None:
    """Runs a program and waits for its success.

    Raises:
        LocalStackError: the program failed.
        StopRequestedError: a stop was requested meanwhile; the program has been stopped.
    """
    if ChildProcess(program, interruption).wait() != 0:
        raise LocalStackError(f"{program.name} failed: {program.last_line()} (all of it is in {program.log}).")


def _start(program: Program) -> subprocess.Popen[bytes]:
    account = program.account
    with program.log.open("wb") as log:
        return subprocess.Popen(  # noqa: S603 - our own programs, without a shell
            program.command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=program.environment,
            cwd=program.directory,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            process_group=0,
            preexec_fn=_parent_death_hook(program.stop_signal),  # noqa: PLW1509 - there is one thread here
        )


def _parent_death_hook(number: signal.Signals) -> Callable[[], None] | None:
    """Returns a hook by which the kernel signals the child when this process dies; None outside Linux."""
    if sys.platform != "linux":
        return None
    set_process_option = ctypes.CDLL(None).prctl
    our_pid = os.getpid()

    def request_signal() -> None:
        set_process_option(_SET_PARENT_DEATH_SIGNAL, int(number))
        if os.getppid() != our_pid:
            os._exit(1)

    return request_signal
