"""Unexpected errors in background tasks are reported, and end only the work that they must."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import NoReturn

import pytest
from tests.integration.entrypoints.chatcore_service.http_server import ALICE, PAUSED, LiveService, live_service
from tests.integration.faults.waiting import eventually

from chatcore.ports import Frame, InferenceRequest
from chatcore_memory import DONE_FRAME, token_frame
from chatcore_memory.frames import parse

BUG = "nobody foresaw this"


@pytest.fixture
async def service() -> AsyncIterator[LiveService]:
    async with live_service() as service:
        yield service


async def has_failed(*_: object, **__: object) -> NoReturn:
    raise RuntimeError(BUG)


async def fail_after_a_token(_request: InferenceRequest, on_frame: Callable[[Frame], None]) -> None:
    on_frame(parse(token_frame("Hel")))
    raise RuntimeError(BUG)


async def test_an_error_in_generating_a_reply_ends_it_and_is_reported(
    service: LiveService, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    conversation = await service.conversation()
    with monkeypatch.context() as patch:
        patch.setattr(service.inference, "generate", fail_after_a_token)
        sent = await service.client.post(f"{conversation}/messages", json={"content": "hi"}, headers=ALICE)

    *_, reply = (await service.client.get(conversation, headers=ALICE)).json()["messages"]
    assert sent.content.startswith(token_frame("Hel") + b'data: {"error":"inference_error"')
    assert sent.content.endswith(b'data: {"done":true}\n\n')
    assert (reply["content"], reply["status"]) == ("Hel", "interrupted")
    assert BUG in capsys.readouterr().out
    again = await service.client.post(f"{conversation}/regenerate", json={}, headers=ALICE)
    assert again.content.endswith(b'data: {"done":true}\n\n')


async def test_an_error_in_checkpointing_is_reported_and_costs_no_reply(
    service: LiveService, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    service.inference.play(*PAUSED)
    conversation = await service.conversation()
    told = ""

    async def has_been_told() -> bool:
        nonlocal told
        told += capsys.readouterr().out
        return BUG in told

    with monkeypatch.context() as patch:
        patch.setattr(service.storage, "checkpoint", has_failed)
        sending = asyncio.create_task(
            service.client.post(f"{conversation}/messages", json={"content": "hi"}, headers=ALICE)
        )
        await eventually(has_been_told, within=10, what="the bug in the log")
        service.inference.release()
        sent = await sending

    assert sent.content == token_frame("Hel") + token_frame("lo") + DONE_FRAME
    figures = (await service.client.get("/metrics")).text
    assert 'chatcore_background_failures_total{what="checkpointing"}' in figures
