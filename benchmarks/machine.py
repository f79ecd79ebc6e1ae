"""The machine that the benchmark runs on: what it has to have, and what is said of it beside the figures."""

import os
import platform
import resource
import sys
from importlib import metadata
from pathlib import Path

from benchmarks.problem import BenchmarkError

#: What a process needs beside the connections of its streams.
_FILES_BESIDE = 100
#: A relay has a connection on either side of it.
_FILES_A_STREAM = 2


def require_linux(system: str = sys.platform) -> None:
    """Returns on Linux.

    Raises:
        BenchmarkError: this is something else.
    """
    if system != "linux":
        raise BenchmarkError(
            "The benchmark needs Linux: it reads what processes use from /proc, and its tools use epoll."
        )


def most_files() -> int:
    """How many files a process may have open, once the soft limit is at the hard one, where this puts it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def require_files(streams: int, allowed: int) -> None:
    """Returns when a process may have as many files open as a relay of so many streams needs.

    Raises:
        BenchmarkError: it may not.
    """
    needed = streams * _FILES_A_STREAM + _FILES_BESIDE
    if allowed < needed:
        raise BenchmarkError(
            f"{streams} streams need {needed} open files in one process, and {allowed} are allowed here: "
            "raise the hard limit (`ulimit -Hn`), or ask for fewer streams."
        )


def most_streams(allowed: int) -> int:
    """How many streams a relay with so many open files can have."""
    return (allowed - _FILES_BESIDE) // _FILES_A_STREAM


def one_core_warning(cores: int) -> str:
    """What is to be said of a machine with one core; nothing of others."""
    if cores > 1:
        return ""
    return (
        "There is one core here, which the measured process shares with PostgreSQL, source and client: "
        "its CPU time holds, latencies and the most streams do not."
    )


def description() -> str:
    """The machine and what runs on it, in a line."""
    cores = len(os.sched_getaffinity(0))
    processor = _processor()
    shared = "shared " if "hypervisor" in Path("/proc/cpuinfo").read_text() else ""
    return (
        f"{cores} {shared}core{'s' if cores > 1 else ''} ({processor}), Linux {platform.release().partition('-')[0]}, "
        f"Python {platform.python_version()}, uvloop {metadata.version('uvloop')}, PostgreSQL 18 with fsync"
    )


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
