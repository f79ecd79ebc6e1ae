"""Runs `chatcore dev` as a person does who has only Python, a shell and curl."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

import orjson
from attrs import define
from tests.integration.entrypoints.chatcore_dev.local_program import processes_with
from tests.integration.free_port import free_port

# No command prints this.
BETWEEN = "=====8<====="


@define
class Dev:
    """A running `chatcore dev`."""

    process: subprocess.Popen[str]
    url: str
    data: Path
    greeting: str

    @property
    def children(self) -> list[int]:
        """Returns the ids of the processes that it has started."""
        found = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in found.split()]

    def child(self, argument: str) -> int:
        """Returns the id of the child process with this text in its command line."""
        return next(pid for pid in self.children if pid in processes_with(argument))

    def end(self, number: signal.Signals = signal.SIGINT) -> tuple[int, str]:
        """Sends a signal, like Ctrl-C; returns the exit status and the output on standard error."""
        self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=60)
        return self.process.returncode, errors


def command(data: Path, port: int, *options: str) -> list[str]:
    """Returns the command line of `chatcore dev`."""
    return [sys.executable, "-m", "chatcore_service", "dev", "--port", str(port), "--data-dir", str(data), *options]


@contextmanager
def dev(
    data: Path,
    *options: str,
    environment: Mapping[str, str] | None = None,
    program: Callable[..., list[str]] = command,
) -> Generator[Dev]:
    """Runs `chatcore dev` until it is ready, and ends it after the block.

    Args:
        data: the data directory.
        options: further arguments.
        environment: variables beside those of this process.
        program: what builds the command line, like :func:`command`.
    """
    port = free_port()
    process = subprocess.Popen(
        program(data, port, *options),
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process:
        try:
            greeting = ""
            while "Ctrl-C stops" not in greeting:
                line = process.stdout.readline()
                assert line, process.stderr and process.stderr.read()
                greeting += line
            yield Dev(process, f"http://127.0.0.1:{port}", data, greeting)
        finally:
            process.terminate()


def commands(greeting: str) -> list[str]:
    """Returns the commands of the greeting in the order in which they are printed, including their indentation."""
    return [line for line in greeting.splitlines() if line.startswith("  ")]


def pasted(lines: list[str]) -> list[str]:
    """Pastes the commands into a shell one after the other, and returns the output of each."""
    script = f"\nprintf '{BETWEEN}'\n".join(lines)
    shell = subprocess.run(["/bin/sh"], input=script, capture_output=True, text=True, timeout=60, check=True)
    return shell.stdout.split(BETWEEN)


def frames_in(stream: str) -> list[dict[str, object]]:
    """Returns the frames in what curl printed of a stream."""
    return [orjson.loads(line.removeprefix("data: ")) for line in stream.splitlines() if line.startswith("data: ")]


def text_in(stream: str) -> str:
    """Returns the text in what curl printed of a stream."""
    return "".join(str(frame.get("token", "")) for frame in frames_in(stream))
