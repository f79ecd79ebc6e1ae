"""What was used in a window of time, by processes and by cores."""

import os
import time
from collections.abc import Mapping, Sequence

from attrs import field, frozen
from benchmarks.processes import CoreTimes, core_times, cpu_seconds, family, memory_kb


@frozen
class _Look:
    """What was used until one moment."""

    cpu: Mapping[str, Mapping[int, float]]
    groups: Mapping[str, CoreTimes]
    at: float = field(factory=time.monotonic)


@frozen
class Used:
    """What was used between two looks."""

    seconds: float
    #: CPU seconds, by who used them.
    cpu: Mapping[str, float]
    #: Shares of one core that each group of cores was idle, or stolen by the machine beneath.
    cores: Mapping[str, CoreTimes]


class Meter:
    """Looks whenever it is told to.

    Args:
        processes: by name, the first of each family of processes that is watched.
        cores: groups of cores, by name.
    """

    def __init__(self, processes: Mapping[str, int], cores: Mapping[str, frozenset[int]]) -> None:
        self._processes = processes
        self._cores = cores
        self._looks: list[_Look] = []

    def look(self) -> None:
        """Looks."""
        cpu = {name: {pid: cpu_seconds(pid) for pid in family(first)} for name, first in self._processes.items()}
        self._looks.append(_Look(cpu, {name: core_times(cores) for name, cores in self._cores.items()}))

    def used(self) -> Used:
        """Between the first look and the last. What a process used that has ended meanwhile is not in it."""
        first, last = self._looks[0], self._looks[-1]
        seconds = last.at - first.at
        return Used(
            seconds,
            {name: _used(first.cpu[name], last.cpu[name]) for name in self._processes},
            {name: last.groups[name].since(first.groups[name], seconds) for name in self._cores},
        )


def _used(first: Mapping[int, float], last: Mapping[int, float]) -> float:
    return sum(seconds - first.get(pid, 0.0) for pid, seconds in last.items())


def memory_of_family_kb(pid: int) -> float:
    """What a process and its children hold in memory."""
    return sum(map(memory_kb, family(pid)))


def all_cores() -> Sequence[int]:
    """Those that we may use."""
    return sorted(os.sched_getaffinity(0))
