"""Supervises several workers on one socket: replaces dead workers, passes signals on, and ends after the last worker.

uvicorn's supervisor always starts uvicorn's own server, and passes only one signal on.
"""

import multiprocessing
import os
import signal
import socket
from multiprocessing import resource_tracker
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from time import monotonic
from types import FrameType

import structlog
from prometheus_client import multiprocess

from chatcore_service.server.worker import COULD_NOT_OPEN, work
from chatcore_service.settings import Settings

#: Least time from the start of a worker to its replacement, so that a worker that always crashes costs little.
MIN_LIFE_SECONDS = 1.0

_CHECK_SECONDS = 0.5

_spawning = multiprocessing.get_context("spawn")
_log: structlog.stdlib.BoundLogger = structlog.get_logger("chatcore_service")


class Supervisor:
    """Runs the workers, whose parent process this is."""

    def __init__(self, settings: Settings, listener: socket.socket, workers: int) -> None:
        self._settings = settings
        self._listener = listener
        self._count = workers
        #: Start time of each worker.
        self._workers: dict[SpawnProcess, float] = {}
        self._is_ending = False
        self._has_succeeded = True

    def run(self) -> bool:
        """Runs the workers until all workers have ended; returns whether all of them ended in order."""
        before = {number: signal.signal(number, self._pass_on) for number in (signal.SIGTERM, signal.SIGINT)}
        # The first worker would start the resource tracker while SIGINT is blocked, and the tracker's start unblocks
        # signals.
        resource_tracker.ensure_running()
        try:
            while self._workers or not self._is_ending:
                self._start_missing()
                # A signal does not end the wait, but the handler passes the signal on at once.
                wait([worker.sentinel for worker in self._workers if worker.is_alive()], timeout=_CHECK_SECONDS)
                self._remove_dead()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        return self._has_succeeded

    def _pass_on(self, _number: int, _frame: FrameType | None) -> None:
        self._is_ending = True
        for worker in self._workers:
            # `os.kill` would be wrong: the signal may arrive just when the interrupted code has found the worker dead.
            worker.terminate()

    def _start_missing(self) -> None:
        while len(self._workers) < self._count and not self._is_ending:
            worker = _spawning.Process(target=work, args=(self._settings, self._listener, os.getpid()))
            # Until the worker has its own session, a Ctrl-C in the terminal would reach the worker in addition to our
            # signal.
            mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            worker.start()
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            self._workers[worker] = monotonic()
            self._end_if_ending(worker)

    def _end_if_ending(self, worker: SpawnProcess) -> None:
        # The worker did not get a signal that arrived while the worker was being started.
        if self._is_ending:
            worker.terminate()

    def _remove_dead(self) -> None:
        for worker, started in tuple(self._workers.items()):
            is_young = monotonic() - started < MIN_LIFE_SECONDS
            if not worker.is_alive() and (self._is_ending or not is_young):
                del self._workers[worker]
                # The call removes the gauges of the worker and keeps its counters.
                multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call] # typed in parts
                self._report_end(worker)

    def _report_end(self, worker: SpawnProcess) -> None:
        # The signal itself kills a worker that is still starting, which has nothing to drain.
        was_starting = self._is_ending and worker.exitcode == -signal.SIGTERM
        if worker.exitcode == 0 or was_starting:
            return
        _log.error("a worker died", pid=worker.pid, exit_code=worker.exitcode)
        if worker.exitcode == COULD_NOT_OPEN:
            self._has_succeeded = False
            self._pass_on(signal.SIGTERM, None)
        elif self._is_ending:
            self._has_succeeded = False
