"""Uncaught exceptions are logged, each with what it ended."""

import sys
import threading

import pytest
from structlog.testing import capture_logs

from chatcore_service.uncaught_exceptions import log_uncaught_exceptions


class Unraisable:
    def __del__(self) -> None:
        raise ValueError("a bug")


def fail() -> None:
    raise ValueError("a bug")


def end_process() -> None:
    error = ValueError("a bug")
    sys.excepthook(type(error), error, None)


def end_thread() -> None:
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()


def delete() -> None:
    unraisable = Unraisable()
    del unraisable


@pytest.fixture(autouse=True)
def _hooks(monkeypatch: pytest.MonkeyPatch) -> None:
    # The hooks are restored after the test.
    for module, hook in ((sys, "excepthook"), (threading, "excepthook"), (sys, "unraisablehook")):
        monkeypatch.setattr(module, hook, getattr(module, hook))
    log_uncaught_exceptions()


def test_every_uncaught_exception_is_logged_with_what_it_ended() -> None:
    with capture_logs() as lines:
        end_process()
        end_thread()
        delete()

    assert [(line["log_level"], line["event"]) for line in lines] == [
        ("critical", "an exception ended the process"),
        ("error", "an exception ended a thread"),
        ("error", "an exception could not be raised"),
    ]
