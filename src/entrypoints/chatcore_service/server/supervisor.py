"""Several workers on one socket: keeps their number, passes signals on, and ends when they have.

uvicorn's own supervisor starts uvicorn's own server, and passes on one signal only.
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

#: A worker that died is replaced no sooner than this after its start, so that one that cannot live costs little.
MIN_LIFE_SECONDS = 1.0

_LOOK_SECONDS = 0.5

_spawning = multiprocessing.get_context("spawn")
_log: structlog.stdlib.BoundLogger = structlog.get_logger("chatcore_service")


class Supervisor:
    """The parent of the workers."""

    def __init__(self, settings: Settings, listener: socket.socket, workers: int) -> None:
        self._settings = settings
        self._listener = listener
        self._count = workers
        #: When each was started.
        self._workers: dict[SpawnProcess, float] = {}
        self._is_ending = False
        self._is_well = True

    def run(self) -> bool:
        """Runs the workers until all have ended; returns whether they did in order."""
        before = {number: signal.signal(number, self._pass_on) for number in (signal.SIGTERM, signal.SIGINT)}
        # The first worker would start it, and it lets through what is held back then.
        resource_tracker.ensure_running()
        try:
            while self._workers or not self._is_ending:
                self._fill_up()
                # A signal does not end the wait: its handler has passed it on already.
                wait([worker.sentinel for worker in self._workers if worker.is_alive()], timeout=_LOOK_SECONDS)
                self._bury()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        return self._is_well

    def _pass_on(self, _number: int, _frame: FrameType | None) -> None:
        self._is_ending = True
        for worker in self._workers:
            # Not `os.kill`: this may interrupt the very look that has just found it dead.
            worker.terminate()

    def _fill_up(self) -> None:
        while len(self._workers) < self._count and not self._is_ending:
            worker = _spawning.Process(target=work, args=(self._settings, self._listener, os.getpid()))
            # Half-made, it is still in our terminal's group: a Ctrl-C would hit it there, beside the signal from us.
            mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            worker.start()
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            self._workers[worker] = monotonic()
            self._catch_up(worker)

    def _catch_up(self, worker: SpawnProcess) -> None:
        # A signal that came while the worker was being made has passed it by.
        if self._is_ending:
            worker.terminate()

    def _bury(self) -> None:
        for worker, started in tuple(self._workers.items()):
            is_young = monotonic() - started < MIN_LIFE_SECONDS
            if not worker.is_alive() and (self._is_ending or not is_young):
                del self._workers[worker]
                # Its gauges count no more; its counters stay.
                multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call] # typed in parts
                self._judge(worker)

    def _judge(self, worker: SpawnProcess) -> None:
        # One that was still starting dies of the signal itself, and has nothing to drain.
        was_starting = self._is_ending and worker.exitcode == -signal.SIGTERM
        if worker.exitcode == 0 or was_starting:
            return
        _log.error("a worker died", pid=worker.pid, exit_code=worker.exitcode)
        if worker.exitcode == COULD_NOT_OPEN:
            self._is_well = False
            self._pass_on(signal.SIGTERM, None)
        elif self._is_ending:
            self._is_well = False
