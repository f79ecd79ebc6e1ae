"""One process of the service, and what can be done to it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import httpx
from attrs import define, field

from tests.integration.faults.waiting import eventually
from tests.integration.free_port import free_port

#: How a process ends that was told to: by itself, or by the signal once its work is done.
PEACEFUL = frozenset({0, -signal.SIGTERM, 128 + signal.SIGTERM, -signal.SIGINT, 128 + signal.SIGINT})
READY_SECONDS = 30.0


@define(eq=False)
class Replica:
    """`chatcore serve`, on one port for all its lives."""

    name: str
    environment: Mapping[str, str]
    log: Path
    arguments: tuple[str, ...] = ()
    port: int = field(factory=free_port)
    #: How often it was started.
    starts: int = 0
    #: Open files once it was ready.
    files_when_ready: int = 0
    is_frozen: bool = False
    _process: subprocess.Popen[bytes] | None = None

    @property
    def base_url(self) -> str:
        """Returns the address of the replica."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Returns the id of the first process; other processes, if any, are its children."""
        assert self._process is not None
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Returns whether the process runs."""
        return self._process is not None and self._process.poll() is None

    # -- Life -----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Starts it; :meth:`ready` tells when it serves."""
        command = (Path(sys.executable).with_name("chatcore"), "serve", "--host", "127.0.0.1", "--port", str(self.port))
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, *self.arguments],
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A group of its own, for Ctrl-C: the tests themselves are not to be interrupted.
                start_new_session=True,
            )
        self.starts += 1
        self.is_frozen = False

    async def handles_signals(self) -> None:
        """Returns when the process has handlers of its own; Python alone has none of SIGTERM."""
        await eventually(self._catches_sigterm, within=READY_SECONDS, what=f"handlers of signals in {self.name}")

    def _catches_sigterm(self) -> bool:
        status = Path(f"/proc/{self.pid}/status").read_text()
        caught = next(line for line in status.splitlines() if line.startswith("SigCgt:"))
        return bool(int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1)

    async def ready(self, within: float = READY_SECONDS) -> None:
        """Returns when it says that it is ready."""
        await eventually(self._says_ready, within=within, what=f"{self.name} ready")
        self.files_when_ready = self.open_files()

    async def serves_again(self) -> None:
        """Returns when the same process, which was struck, is ready once more."""
        await eventually(self._says_ready, within=READY_SECONDS, what=f"{self.name} ready once more")

    async def _says_ready(self) -> bool:
        assert self.is_alive, f"{self.name} ended with {self._process and self._process.returncode}: {self.tail()}"
        return await self.readiness() == 200

    async def readiness(self) -> int:
        """Returns the status of its readiness; 0 when it does not answer."""
        try:
            async with httpx.AsyncClient(base_url=self.base_url, trust_env=False, timeout=5) as http:
                return (await http.get("/api/ready")).status_code
        except httpx.TransportError:
            return 0

    def kill(self) -> None:
        """Ends all its processes without a warning."""
        self._signal_all(signal.SIGKILL)
        assert self._process is not None
        self._process.wait(5)
        self.is_frozen = False

    def freeze(self) -> None:
        """Stops its clock: it neither runs nor knows that it does not."""
        self._signal_all(signal.SIGSTOP)
        self.is_frozen = True

    def thaw(self) -> None:
        """Lets it run again."""
        self._signal_all(signal.SIGCONT)
        self.is_frozen = False

    def _signal_all(self, number: signal.Signals) -> None:
        for pid in _with_descendants(self.pid):
            # A descendant may have ended between the look and the signal.
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def terminate(self) -> None:
        """Asks it to end, as an orchestrator does."""
        os.kill(self.pid, signal.SIGTERM)

    def interrupt(self) -> None:
        """Asks the replica to end, as Ctrl-C does: every process of the group gets the signal."""
        os.killpg(self.pid, signal.SIGINT)

    async def exit_status(self, within: float) -> int:
        """Waits for the end of the replica; returns its exit status."""

        def what() -> str:
            return f"the end of {self.name}: {self.tail()}"

        await eventually(lambda: not self.is_alive, within=within, what=what)
        assert self._process is not None
        status: int = self._process.returncode
        return status

    async def stop(self, within: float = 30.0) -> float:
        """Asks it to end and sees that it does so in peace; how many seconds that took."""
        began = time.monotonic()
        self.terminate()
        status = await self.exit_status(within)
        assert status in PEACEFUL, f"{self.name} ended with {status}: {self.tail()}"
        return time.monotonic() - began

    async def restart(self) -> None:
        """Starts a new process on the same port, as a pod that comes back under its name."""
        assert not self.is_alive
        self.start()
        await self.ready()

    # -- What it leaves behind ------------------------------------------------------------------------------------

    def open_files(self) -> int:
        """Returns the number of the replica's open files and sockets."""
        return sum(1 for _ in Path(f"/proc/{self.pid}/fd").iterdir())

    async def figure(self, name: str) -> float:
        """Returns a metric of the replica."""
        async with httpx.AsyncClient(base_url=self.base_url, trust_env=False, timeout=5) as http:
            lines = (await http.get("/metrics")).text.splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith((f"{name} ", f"{name}{{")))

    def tail(self, lines: int = 15) -> str:
        """Returns the end of its log."""
        return "\n".join(self.log_text().splitlines()[-lines:])

    def log_text(self) -> str:
        """Returns the whole output of all processes of the replica."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""


def _with_descendants(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children")
    found = [int(child) for child in children.read_text().split()] if children.exists() else []
    return [pid, *(descendant for child in found for descendant in _with_descendants(child))]
