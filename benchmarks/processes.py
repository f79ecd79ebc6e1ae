"""What processes and cores have used. Linux only: /proc, and a CPU clock for each process."""

import os
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from attrs import frozen

_PAGE_KB = os.sysconf("SC_PAGE_SIZE") / 1024
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
# How the kernel numbers the CPU clock of a process: see clock_getcpuclockid(3).
_PROCESS_CLOCK_BITS, _PROCESS_CLOCK = 3, 2

# In the lines of /proc/stat, after the name.
_IDLE, _WAITING, _STEAL, _COUNTED = 3, 4, 7, 8


def cpu_seconds(pid: int) -> float:
    """The CPU time of a process, in user mode and in the kernel; 0 of none, or of one that is gone."""
    if not pid:
        return 0.0
    try:
        return time.clock_gettime((~pid << _PROCESS_CLOCK_BITS) | _PROCESS_CLOCK)
    except OSError:
        return 0.0


def memory_kb(pid: int) -> float:
    """What a process holds in memory; 0 of none."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_KB if pid else 0.0


def family(pid: int) -> Sequence[int]:
    """A process, its children, and theirs."""
    if not pid:
        return []
    children: dict[int, list[int]] = {}
    for child, parent in _parents():
        children.setdefault(parent, []).append(child)
    members = [pid]
    for member in members:
        members.extend(children.get(member, []))
    return members


def is_running(pid: int) -> bool:
    """Whether a process is there and has not ended."""
    fields = _status_fields(pid)
    return bool(fields) and fields[0] != "Z"


def _parents() -> Iterable[tuple[int, int]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _status_fields(int(entry.name))):
            yield int(entry.name), int(fields[1])


def _status_fields(pid: int) -> Sequence[str]:
    """From the state on; none of a process that is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


@frozen
class CoreTimes:
    """Seconds that a set of cores was idle, and that the machine under a virtual one kept to itself."""

    idle: float
    stolen: float
    cores: int = 1

    def since(self, earlier: "CoreTimes", seconds: float) -> "CoreTimes":
        """As shares of one core and of the time that went by."""
        return CoreTimes((self.idle - earlier.idle) / seconds, (self.stolen - earlier.stolen) / seconds, self.cores)


def core_times(cores: Iterable[int]) -> CoreTimes:
    """Of these cores together, since the machine began."""
    names = {f"cpu{core}" for core in cores}
    lines = [line.split() for line in Path("/proc/stat").read_text().splitlines()]
    ticks = [list(map(int, words[1 : _COUNTED + 1])) for words in lines if words[0] in names]
    idle = sum(row[_IDLE] + row[_WAITING] for row in ticks)
    return CoreTimes(idle / _TICKS_PER_SECOND, sum(row[_STEAL] for row in ticks) / _TICKS_PER_SECOND, len(ticks))
