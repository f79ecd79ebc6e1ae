"""Tests that a file is received within its limits of size and time, and counted while it is held."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest
from starlette.requests import Request
from starlette.types import Message

from chatcore.system_clock import SystemClock
from chatcore_memory import FrozenClock
from chatcore_service.http.buffer_budget import HELD_BODY, BufferBudget, HeldBytes
from chatcore_service.http.refusals import (
    BodyTimeoutError,
    BodyTooLargeError,
    BuffersFullError,
    IncompleteBodyError,
)
from chatcore_service.http.upload import MAX_UPLOAD_SECONDS, Upload
from chatcore_service.metrics import Metrics

_MORE = {"type": "http.request", "more_body": True}


def an_upload(
    messages: Iterable[Message], *, held: HeldBytes | None = None, clock: FrozenClock | None = None
) -> Upload:
    waiting = iter(messages)

    async def receive() -> Message:
        message = next(waiting, None)
        if message is None:
            await asyncio.Event().wait()
        assert message is not None
        return message

    scope = {"type": "http", "method": "POST", "headers": [], **({} if held is None else {HELD_BODY: held})}
    return Upload(Request(scope, receive), clock or SystemClock(), 0.05, max_bytes=10)


async def received(upload: Upload) -> bytes:
    return b"".join([part async for part in upload.parts()])


async def test_the_parts_are_handed_on_as_they_come() -> None:
    upload = an_upload([{**_MORE, "body": b"12345"}, {**_MORE, "body": b"67890"}, {"type": "http.request"}])

    assert await received(upload) == b"1234567890"


@pytest.mark.parametrize(
    ("messages", "error"),
    [
        ([{**_MORE, "body": b"12345"}, {**_MORE, "body": b"678901"}], BodyTooLargeError),
        ([{**_MORE, "body": b"12345"}], BodyTimeoutError),
        ([{**_MORE, "body": b"12345"}, {"type": "http.disconnect"}], IncompleteBodyError),
    ],
)
async def test_what_is_too_large_or_does_not_come_is_refused(messages: list[Message], error: type[Exception]) -> None:
    with pytest.raises(error):
        await received(an_upload(messages))


async def test_an_upload_may_not_take_for_ever() -> None:
    clock = FrozenClock()
    upload = an_upload([{**_MORE, "body": b"1"}, {**_MORE, "body": b"2"}], clock=clock).parts()
    assert await anext(upload) == b"1"

    clock.advance(MAX_UPLOAD_SECONDS + 1)

    with pytest.raises(BodyTimeoutError):
        await anext(upload)


async def test_what_is_held_is_counted_and_what_is_not_is_released() -> None:
    budget = BufferBudget(1_000_000, Metrics())
    held = HeldBytes(budget)
    upload = an_upload([{**_MORE, "body": b"1"}, {**_MORE, "body": b""}], held=held)
    parts = upload.parts()
    held.grow(400_000)
    assert await anext(parts) == b"1"

    upload.hold(0)
    assert budget.total == 0
    upload.hold(300_000)
    assert 0 < budget.total < 300_000
    # The server drops what has no room, and sends an empty part.
    assert not held.grow(800_000)
    with pytest.raises(BuffersFullError):
        await anext(parts)
