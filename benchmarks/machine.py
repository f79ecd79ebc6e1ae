"""Assigns the machine's cores, and describes the machine for the page of figures."""

import os
import platform
import resource
import sys
from importlib import metadata
from pathlib import Path

CORES = sorted(os.sched_getaffinity(0)) if sys.platform == "linux" else [0]
#: The core of the measured process alone. Token source, load client and PostgreSQL share the other cores.
SUBJECT_CORE = CORES[0]
TOOL_CORES = CORES[1:] or CORES


def raise_file_limit() -> int:
    """Raises the soft limit of open files to the hard limit, and returns the limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def description() -> str:
    """Describes the machine and its software in one line."""
    processor = Path("/proc/cpuinfo").read_text()
    names = [line.partition(":")[2].strip() for line in processor.splitlines() if line.startswith("model name")]
    shared = "shared " if "hypervisor" in processor else ""
    return (
        f"{len(CORES)} {shared}core{'s' if len(CORES) > 1 else ''} ({names[0] if names else platform.machine()}), "
        f"Linux {platform.release().partition('-')[0]}, Python {platform.python_version()}, "
        f"uvloop {metadata.version('uvloop')}, PostgreSQL 18 with fsync"
    )
