"""What the service costs when nobody asks anything of it: its start, its idleness, and its memory."""

import http.client
import time
from contextlib import closing
from http import HTTPStatus

from attrs import frozen
from benchmarks.meter import memory_of_family_kb
from benchmarks.problem import BenchmarkError
from benchmarks.processes import cpu_seconds, family, is_running
from benchmarks.programs import SUBJECT_CORE, free_port, program
from benchmarks.subjects import Chatcore
from benchmarks.trial import Bench, running_source

# What a start leaves to be done is not idleness.
_SETTLE_SECONDS = 2.0
_START_SECONDS = 60.0
_PAUSE_SECONDS = 0.005


@frozen(kw_only=True)
class AtRest:
    """What one start came to."""

    #: From the start of the process to its first answer that it is ready: database, auth and inference are there.
    startup_seconds: float
    #: Of one core.
    idle_cpu_share: float
    memory_kb: float


def measure(made: Bench, seconds: float) -> AtRest:
    """Starts it on a migrated database, and lets it be for so long.

    Raises:
        BenchmarkError: it could not be started.
    """
    service = Chatcore(made.database_url)
    with running_source(0) as source:
        port = free_port()
        service.prepare(source.port)
        began = time.monotonic()
        with program(service.command(port), core=SUBJECT_CORE, environment=service.environment(source.port)) as pid:
            _wait_until_ready(port, pid)
            ready = time.monotonic()
            time.sleep(_SETTLE_SECONDS)
            used, at = sum(map(cpu_seconds, family(pid))), time.monotonic()
            time.sleep(seconds)
            used = sum(map(cpu_seconds, family(pid))) - used
            return AtRest(
                startup_seconds=ready - began,
                idle_cpu_share=used / (time.monotonic() - at),
                memory_kb=memory_of_family_kb(pid),
            )


def _wait_until_ready(port: int, pid: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not _is_ready(port):
        if time.monotonic() > deadline or not is_running(pid):
            raise BenchmarkError("The service did not become ready; what it said is above.")
        time.sleep(_PAUSE_SECONDS)


def _is_ready(port: int) -> bool:
    with closing(http.client.HTTPConnection("127.0.0.1", port)) as connection:
        try:
            connection.request("GET", "/api/ready")
            return connection.getresponse().status == HTTPStatus.OK
        except OSError:
            return False
