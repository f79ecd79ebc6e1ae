"""The parent of several workers, where a signal meets it in the middle of something."""

import os
import signal
import socket
from multiprocessing import get_context
from time import monotonic

from chatcore_service.server.supervisor import Supervisor
from chatcore_service.settings import Settings


def test_a_worker_that_died_just_when_the_signal_came_is_passed_over() -> None:
    worker = get_context("spawn").Process(target=os.getpid)
    worker.start()
    assert worker.pid is not None
    # What a look at it does first, before it notes what it has seen: a signal may come in between.
    os.waitpid(worker.pid, 0)
    with socket.socket() as listener:
        supervisor = Supervisor(Settings(internal_api_key="key"), listener, 1)
        supervisor._workers[worker] = monotonic()
        supervisor._pass_on(signal.SIGTERM, None)
    assert supervisor._is_ending
