"""Reads what processes and cores have used from /proc."""

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from attrs import frozen
from benchmarks.machine import CORES

_PAGE_KB = os.sysconf("SC_PAGE_SIZE") / 1024
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
# The kernel's number for the CPU clock of a process: see clock_getcpuclockid(3).
_PROCESS_CLOCK_BITS, _PROCESS_CLOCK = 3, 2
# Columns of /proc/stat behind the name of the core.
_IDLE, _WAITING_FOR_DISK = 4, 5


def cpu_seconds(pid: int) -> float:
    """Returns the CPU time of a process in user mode and in the kernel; 0 for a process that has ended."""
    try:
        return time.clock_gettime((~pid << _PROCESS_CLOCK_BITS) | _PROCESS_CLOCK)
    except OSError:
        return 0.0


def family(pid: int) -> Sequence[int]:
    """Returns a process, its children, and their children; nothing for process 0."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        # A process may end while we look.
        with suppress(OSError):
            if entry.name.isdigit():
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    members = [pid] if pid else []
    for member in members:
        members.extend(children.get(member, []))
    return members


def memory_of_family_kb(pid: int) -> float:
    """Returns the resident memory of a process and its children."""
    return sum(int(Path(f"/proc/{member}/statm").read_text().split()[1]) for member in family(pid)) * _PAGE_KB


@frozen
class Reading:
    """The clocks at one moment: of the cores, of all processes of the benchmark, and of named families of them."""

    at: float
    idle: float
    cpu: Mapping[str, Mapping[int, float]]

    @classmethod
    def of(cls, **pids: int) -> "Reading":
        """Reads the clocks now; 0 stands for a process that is not measured."""
        names = {f"cpu{core}" for core in CORES}
        cores = [line.split() for line in Path("/proc/stat").read_text().splitlines()]
        ticks = sum(int(core[_IDLE]) + int(core[_WAITING_FOR_DISK]) for core in cores if core[0] in names)
        families = {"benchmark": family(os.getpid()), **{name: family(pid) for name, pid in pids.items()}}
        cpu = {name: {member: cpu_seconds(member) for member in members} for name, members in families.items()}
        return cls(time.monotonic(), ticks / _TICKS_PER_SECOND, cpu)

    def cpu_since(self, earlier: "Reading", name: str) -> float:
        """Returns the CPU seconds of one family. A process that has ended meanwhile does not count."""
        return sum(used - earlier.cpu[name].get(pid, 0.0) for pid, used in self.cpu[name].items())

    def taken_since(self, earlier: "Reading") -> float:
        """Returns the share of one core that other programs, the kernel and the hypervisor took."""
        known = self.idle - earlier.idle + self.cpu_since(earlier, "benchmark")
        return max(0.0, len(CORES) - known / (self.at - earlier.at))

    def disturbance_since(self, earlier: "Reading") -> str:
        """Tells that a measurement is not valid, because others took half of the cores; empty if it is."""
        taken = self.taken_since(earlier)
        return f"others took {taken:.0%} of one core" if taken > len(CORES) / 2 else ""
