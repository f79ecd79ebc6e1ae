"""A signal that reaches the supervisor in the middle of its work."""

import os
import signal
import socket
from multiprocessing import get_context
from time import monotonic

from chatcore_service.server.supervisor import Supervisor
from chatcore_service.settings import Settings


def test_a_worker_that_died_just_before_the_signal_is_ignored() -> None:
    worker = get_context("spawn").Process(target=os.getpid)
    worker.start()
    assert worker.pid is not None
    # `is_alive` also reaps the process before it records the exit status; a signal may arrive in between.
    os.waitpid(worker.pid, 0)
    with socket.socket() as listener:
        supervisor = Supervisor(Settings(internal_api_key="key"), listener, 1)
        supervisor._workers[worker] = monotonic()
        supervisor._pass_on(signal.SIGTERM, None)
    assert supervisor._is_ending
