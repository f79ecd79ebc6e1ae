"""A program that runs beside us, and not longer than we do."""

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
    """The system account under which a program runs, in place of our own."""

    uid: int
    gid: int


@frozen(kw_only=True)
class Program:
    """What is to be run."""

    #: As the person at the terminal knows it.
    name: str
    command: Sequence[str]
    #: Takes all that it writes; emptied at the start.
    log: Path
    environment: Mapping[str, str] | None = None
    directory: Path | None = None
    account: Account | None = None
    #: Asks it to end in good order, within so many seconds.
    stop_signal: signal.Signals = signal.SIGTERM
    patience_seconds: float = 10

    def last_words(self) -> str:
        """The last line that it wrote; a fatal one before others, since PostgreSQL lets more follow it."""
        lines = self.log.read_text(errors="replace").strip().splitlines() or ["nothing"]
        fatal = [line for line in lines if "FATAL: " in line or "PANIC: " in line]
        return (fatal or lines)[-1].strip()


class ChildProcess:
    """A running program.

    It is in a process group of its own, so that Ctrl-C reaches us alone and we end things in order.
    """

    def __init__(self, program: Program, interruption: Interruption) -> None:
        self.program = program
        self._interruption = interruption
        self._process = _started(program)

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    @property
    def status(self) -> int | None:
        """With what it ended, negative for a signal; None while it runs."""
        return self._process.poll()

    def require_running(self) -> None:
        """Returns when it runs.

        Raises:
            LocalStackError: it has ended.
        """
        if self.status is not None:
            raise LocalStackError(
                f"{self.program.name} ended with status {self.status}; its last line was: "
                f"{self.program.last_words()} (all of it is in {self.program.log})."
            )

    def stop(self) -> None:
        """Ends it in good order if it lets itself; another request to stop meanwhile asks it once more, to hurry."""
        requests = self._interruption.requests
        deadline = time.monotonic() + self.program.patience_seconds
        self._signal(self.program.stop_signal)
        while self.status is None and time.monotonic() < deadline:
            time.sleep(_TICK_SECONDS)
            if self._interruption.requests > requests:
                requests = self._interruption.requests
                self._signal(self.program.stop_signal)
        if self.status is None:
            self._signal(signal.SIGKILL)
            self._process.wait(_SECONDS_AFTER_KILL)

    def wait(self) -> int:
        """Returns its status when it has ended by itself; ends it when the end of everything is requested."""
        try:
            while (status := self.status) is None:
                self._interruption.pause()
        except StopRequestedError:
            self.stop()
            raise
        return status

    def _signal(self, number: signal.Signals) -> None:
        # Nothing happens when it has ended already.
        self._process.send_signal(number)


def run_to_end(program: Program, interruption: Interruption) -> None:
    """Runs a program that is expected to end well.

    Raises:
        LocalStackError: it did not.
        StopRequestedError: the end was requested meanwhile; the program has ended too.
    """
    if ChildProcess(program, interruption).wait() != 0:
        raise LocalStackError(f"{program.name} failed: {program.last_words()} (all of it is in {program.log}).")


def _started(program: Program) -> subprocess.Popen[bytes]:
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
            preexec_fn=_dies_with_us(program.stop_signal),  # noqa: PLW1509 - there is one thread here
        )


def _dies_with_us(number: signal.Signals) -> Callable[[], None] | None:
    """What makes a child end when we are killed and cannot end it; only Linux has it."""
    if sys.platform != "linux":
        return None
    set_process_option = ctypes.CDLL(None).prctl
    our_pid = os.getpid()

    def ask_the_kernel() -> None:
        set_process_option(_SET_PARENT_DEATH_SIGNAL, int(number))
        if os.getppid() != our_pid:
            os._exit(1)

    return ask_the_kernel
