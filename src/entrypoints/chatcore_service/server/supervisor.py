"""Several workers on one socket: keeps their number, passes signals on, and ends when they have.

uvicorn's own supervisor starts uvicorn's own server, and passes on one signal only.
"""

import multiprocessing
import os
import signal
import socket
import sys
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from time import monotonic
from types import FrameType

import structlog

from chatcore_service.logs import configure_logging
from chatcore_service.settings import Settings

#: A worker that dies sooner than this is replaced only when the time is over.
MIN_LIFE_SECONDS = 1.0

_STARTUP_FAILED = 3

_spawning = multiprocessing.get_context("spawn")
_log: structlog.stdlib.BoundLogger = structlog.get_logger("chatcore_service")


class Supervisor:
    """The parent of the workers."""

    def __init__(self, settings: Settings, listener: socket.socket, workers: int) -> None:
        self._settings = settings
        self._listener = listener
        self._count = workers
        self._workers: dict[SpawnProcess, float] = {}
        self._signals = 0
        self._status = 0
        self._wake_receiver, self._wake_sender = _spawning.Pipe(duplex=False)

    def run(self) -> int:
        """Runs the workers; returns the exit status when all have ended."""
        before = {number: signal.signal(number, self._pass_on) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            while self._workers or not self._signals:
                self._fill_up()
                self._wait()
                self._bury()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        return self._status

    def _pass_on(self, _number: int, _frame: FrameType | None) -> None:
        self._signals += 1
        for worker in self._workers:
            if worker.pid is not None and worker.is_alive():
                os.kill(worker.pid, signal.SIGTERM)
        self._wake_sender.send_bytes(b"!")

    def _fill_up(self) -> None:
        while len(self._workers) < self._count and not self._signals:
            worker = _spawning.Process(target=work, args=(self._settings, self._listener, os.getpid()))
            worker.start()
            self._workers[worker] = monotonic()
            self._catch_up(worker)

    def _catch_up(self, worker: SpawnProcess) -> None:
        # A signal that came while the worker was being made has passed it by.
        if self._signals:
            worker.terminate()

    def _wait(self) -> None:
        ready = wait([self._wake_receiver, *(worker.sentinel for worker in self._workers)], timeout=1.0)
        if self._wake_receiver in ready:
            self._wake_receiver.recv_bytes()

    def _bury(self) -> None:
        for worker, started in tuple(self._workers.items()):
            if worker.is_alive() or (not self._signals and monotonic() - started < MIN_LIFE_SECONDS):
                continue
            del self._workers[worker]
            _forget_figures(worker)
            self._judge(worker)

    def _judge(self, worker: SpawnProcess) -> None:
        if worker.exitcode == _STARTUP_FAILED:
            # It would fail again and again.
            self._status = 1
            self._pass_on(signal.SIGTERM, None)
        elif worker.exitcode != 0:
            _log.error("a worker died", pid=worker.pid, exit_code=worker.exitcode)
            if self._signals:
                self._status = 1


def work(settings: Settings, listener: socket.socket, parent_pid: int) -> None:
    """What a worker does, in its own process."""
    from chatcore_service.server.serve import run  # noqa: PLC0415 - that module starts the supervisor

    # A terminal sends Ctrl-C to its whole group: the parent alone passes it on, so that it counts once.
    os.setsid()
    configure_logging(service_name=settings.service_name, level=settings.log_level)
    sys.exit(run(settings, listener, parent_pid=parent_pid))


def _forget_figures(worker: SpawnProcess) -> None:
    # The parent has no figures of its own; this only removes the files of gauges that ended with the worker.
    from prometheus_client import multiprocess  # noqa: PLC0415 - reads where the files are when it is imported

    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call] # the library is typed in parts
