"""Reads the CPU time and the memory of processes and cores from /proc."""

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from attrs import frozen
from benchmarks.machine import CORES

_PAGE_KB = os.sysconf("SC_PAGE_SIZE") / 1024
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
# clock_getcpuclockid(3) describes the kernel's number of the CPU clock of a process.
_PROCESS_CLOCK_BITS, _PROCESS_CLOCK = 3, 2
# The columns of /proc/stat count from the name of the core.
_IDLE, _WAITING_FOR_DISK = 4, 5


def cpu_seconds(pid: int) -> float:
    """Returns the CPU time of a process in user mode and in the kernel; 0 for a process that has ended."""
    try:
        return time.clock_gettime((~pid << _PROCESS_CLOCK_BITS) | _PROCESS_CLOCK)
    except OSError:
        return 0.0


def family(pid: int) -> Sequence[int]:
    """Returns the ids of a process and all its descendants; empty for process 0."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        # A process may end during the loop.
        with suppress(OSError):
            if entry.name.isdigit():
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    members = [pid] if pid else []
    for member in members:
        members.extend(children.get(member, []))
    return members


def memory_of_family_kb(pid: int) -> float:
    """Returns the resident memory of a process and all its descendants."""
    return sum(int(Path(f"/proc/{member}/statm").read_text().split()[1]) for member in family(pid)) * _PAGE_KB


@frozen
class Reading:
    """The clocks of the cores, of all processes of the benchmark, and of named process families at one moment."""

    at: float
    idle: float
    cpu: Mapping[str, Mapping[int, float]]

    @classmethod
    def of(cls, **pids: int) -> "Reading":
        """Reads the clocks now; the process id 0 stands for a process that is not measured."""
        names = {f"cpu{core}" for core in CORES}
        cores = [line.split() for line in Path("/proc/stat").read_text().splitlines()]
        ticks = sum(int(core[_IDLE]) + int(core[_WAITING_FOR_DISK]) for core in cores if core[0] in names)
        families = {"benchmark": family(os.getpid()), **{name: family(pid) for name, pid in pids.items()}}
        cpu = {name: {member: cpu_seconds(member) for member in members} for name, members in families.items()}
        return cls(time.monotonic(), ticks / _TICKS_PER_SECOND, cpu)

    def cpu_since(self, earlier: "Reading", name: str) -> float:
        """Returns the CPU seconds of one family, without processes that have ended meanwhile."""
        return sum(used - earlier.cpu[name].get(pid, 0.0) for pid, used in self.cpu[name].items())

    def taken_since(self, earlier: "Reading") -> float:
        """Returns the share of one core that other programs, the kernel and the hypervisor took."""
        known = self.idle - earlier.idle + self.cpu_since(earlier, "benchmark")
        return max(0.0, len(CORES) - known / (self.at - earlier.at))

    def disturbance_since(self, earlier: "Reading") -> str:
        """Returns a problem if other programs took more than half of the cores; empty if the measurement is valid."""
        taken = self.taken_since(earlier)
        return f"others took {taken:.0%} of one core" if taken > len(CORES) / 2 else ""
