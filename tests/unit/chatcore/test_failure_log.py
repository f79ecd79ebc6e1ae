"""Tests that failures of background work are logged where a program has no observer."""

import logging
from collections.abc import Callable

import pytest
from tests.unit.conftest import ADA, until

from chatcore import Chat, ReplyError
from chatcore.errors import StorageUnavailableError
from chatcore.failure_log import FailureLog
from chatcore.ports import Frame, Inference, InferenceRequest
from chatcore.system_clock import SystemClock
from chatcore_memory import InMemoryStorage


class BrokenInference(Inference):
    """Has a bug."""

    async def generate(self, request: InferenceRequest, on_frame: Callable[[Frame], None]) -> None:  # noqa: ARG002 - the port's signature
        raise RuntimeError("no such table")

    async def ping(self) -> None:
        """Returns at once."""


async def test_a_bug_of_an_adapter_is_logged_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    clock = SystemClock()
    async with Chat(storage=InMemoryStorage(clock), inference=BrokenInference(), clock=clock) as chat:
        conversation = await chat.conversations.create(ADA)
        turn = await chat.turns.send(ADA, conversation.id, "Hello")
        reader = await chat.turns.read(turn)
        await until(lambda: reader.end is not None)

    assert reader.end is not None
    assert reader.end.error is ReplyError.INFERENCE_ERROR
    [record] = caplog.records
    assert (record.name, record.levelno) == ("chatcore", logging.ERROR)
    assert record.getMessage() == "calling the inference service failed"
    assert record.exc_info is not None
    assert "no such table" in str(record.exc_info[1])


def test_a_failure_that_is_foreseen_is_a_warning_of_one_line(caplog: pytest.LogCaptureFixture) -> None:
    FailureLog().failed("checkpointing", StorageUnavailableError())

    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == "checkpointing failed: The database is temporarily unavailable."
    assert record.exc_info is None
