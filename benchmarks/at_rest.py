"""Measures the time that the service takes to start, and the CPU and memory of the idle service."""

import time
from http import HTTPStatus

from benchmarks.database import Bench
from benchmarks.options import Options
from benchmarks.processes import Reading, memory_of_family_kb
from benchmarks.programs import get, wait_until
from benchmarks.results import Results
from benchmarks.stub_services import running_stub_services
from benchmarks.subjects import Chatcore

# The service finishes the work of its start before it counts as idle.
_SETTLE_SECONDS = 2.0


def measure_rest(options: Options, bench: Bench) -> Results:
    """Starts the service on a migrated database in every round, and leaves the service idle for some seconds."""
    return {"rounds": [_measure_start(options.seconds, bench) for _ in range(options.rounds)]}


def _measure_start(seconds: float, bench: Bench) -> Results:
    service = Chatcore()
    with running_stub_services() as source_port, bench.empty_database() as url:
        service.migrate(url)
        began = Reading.of()
        with service.serving(url, source_port) as running:
            # The service then reports that database, auth and inference are available.
            wait_until(lambda: get(running.port, "/api/ready")[0] == HTTPStatus.OK, "The service did not become ready.")
            startup_seconds = time.monotonic() - began.at
            time.sleep(_SETTLE_SECONDS)
            first = Reading.of(service=running.pid)
            time.sleep(seconds)
            last, memory_kb = Reading.of(service=running.pid), memory_of_family_kb(running.pid)
    share, spoiled = last.cpu_since(first, "service") / (last.at - first.at), last.disturbance_since(began)
    return {"startup_seconds": startup_seconds, "idle_cpu_share": share, "memory_kb": memory_kb, "spoiled": spoiled}
