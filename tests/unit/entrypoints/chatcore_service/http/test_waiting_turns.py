"""Waiting turns: how many turns may wait to begin, and which requests are refused beyond that number."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

import httpx
import pytest
from attrs import evolve
from tests.unit.entrypoints.chatcore_service.http_service import ALICE, BOB, SETTINGS, HttpService, running_service
from tests.unit.virtual_time import in_virtual_time

from chatcore_service.http.refusals import OverloadedError
from chatcore_service.http.waiting_turns import PLACE_SECONDS, WaitingTurns
from chatcore_service.metrics import Metrics
from chatcore_service.settings import RequestSettings

REFUSALS = 'chatcore_requests_refused_by_limits_total{code="overloaded"} '


@in_virtual_time
async def test_the_default_is_128_turns() -> None:
    turns = WaitingTurns(RequestSettings().max_waiting_turns, Metrics())

    with ExitStack() as waiting:
        for _ in range(128):
            waiting.enter_context(turns.storing())
        with pytest.raises(OverloadedError), turns.storing():
            pass
    with turns.storing():
        pass


@in_virtual_time
async def test_a_turn_that_fails_waits_no_more() -> None:
    turns = WaitingTurns(1, Metrics())

    with pytest.raises(RuntimeError), turns.storing():
        raise RuntimeError

    with turns.storing():
        pass


@in_virtual_time
async def test_a_turn_that_waits_for_something_else_takes_no_place_any_more() -> None:
    turns = WaitingTurns(1, Metrics())

    with turns.storing():
        await asyncio.sleep(PLACE_SECONDS - 0.01)
        with pytest.raises(OverloadedError), turns.storing():
            pass
        await asyncio.sleep(0.02)
        with turns.storing():
            pass


@in_virtual_time
async def test_a_stranger_is_refused_while_a_third_of_the_places_is_taken() -> None:
    turns = WaitingTurns(9, Metrics())

    with ExitStack() as waiting:
        waiting.enter_context(turns.authenticating())
        waiting.enter_context(turns.storing())
        waiting.enter_context(turns.authenticating())
        with pytest.raises(OverloadedError), turns.authenticating():
            pass
        with turns.known_caller(), turns.storing():
            pass
    with turns.authenticating():
        pass


@in_virtual_time
async def test_a_stranger_on_whom_the_auth_service_hangs_takes_no_place_any_more() -> None:
    turns = WaitingTurns(1, Metrics())

    with turns.authenticating():
        await asyncio.sleep(PLACE_SECONDS + 0.01)
        with turns.authenticating():
            pass


@in_virtual_time
async def test_strangers_take_no_place_from_known_callers() -> None:
    turns = WaitingTurns(3, Metrics())

    with turns.authenticating(), ExitStack() as waiting:
        for _ in range(3):
            waiting.enter_context(turns.known_caller())
            waiting.enter_context(turns.storing())
        with pytest.raises(OverloadedError), turns.known_caller():
            pass


@pytest.fixture
async def service() -> AsyncIterator[HttpService]:
    """A service in which one turn may wait."""
    settings = evolve(SETTINGS, requests=evolve(SETTINGS.requests, max_waiting_turns=1))
    async with running_service(settings) as service:
        yield service


async def send(service: HttpService, path: str, headers: dict[str, str] = ALICE) -> httpx.Response:
    return await service.client.post(f"{path}/messages", json={"content": "hi"}, headers=headers)


class Gate:
    """Holds up the calls of a function until it is opened."""

    def __init__(self) -> None:
        self.is_reached = asyncio.Event()
        self._opened = asyncio.Event()

    async def pass_through(self) -> None:
        self.is_reached.set()
        await self._opened.wait()

    def open(self) -> None:
        self._opened.set()


@asynccontextmanager
async def held_up(
    service: HttpService, name: str, of: object, path: str, monkeypatch: pytest.MonkeyPatch, headers: dict[str, str]
) -> AsyncIterator[None]:
    """Sends a turn that waits for a method of an adapter for the duration of the block; then the turn succeeds."""
    gate, method = Gate(), getattr(of, name)

    async def slow(*args: object, **kwargs: object) -> object:
        await gate.pass_through()
        return await method(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(of, name, slow)
        waiting = asyncio.create_task(send(service, path, headers))
        await gate.is_reached.wait()
    yield
    gate.open()
    assert (await waiting).status_code == 200


async def test_a_turn_beyond_the_limit_is_refused(service: HttpService, monkeypatch: pytest.MonkeyPatch) -> None:
    path, other = await service.conversation(), await service.conversation(BOB)
    async with held_up(service, "begin_turn", service.storage, path, monkeypatch, ALICE):
        before = await service.count_of_everything()
        refused = [
            await send(service, other, headers=BOB),
            await send(service, path),
            await send(service, other, headers={"Authorization": "Bearer unknown"}),
            await send(service, path, headers={**ALICE, "Idempotency-Key": "k"}),
            await service.client.post(f"{other}/regenerate", headers=BOB),
        ]
        assert await service.count_of_everything() == before
    afterwards = await send(service, other, headers=BOB)
    [refusals] = [
        line for line in (await service.client.get("/metrics")).text.splitlines() if line.startswith(REFUSALS)
    ]

    for response in refused:
        assert (response.status_code, response.headers["retry-after"]) == (503, "2")
        assert response.json()["code"] == "overloaded"
    assert afterwards.status_code == 200
    assert refusals == f"{REFUSALS}5.0"


async def test_only_turns_are_refused(service: HttpService, monkeypatch: pytest.MonkeyPatch) -> None:
    path = await service.conversation()
    reply = await service.paused_reply(path)
    other = await service.conversation(BOB)
    conversation = await service.conversation()
    async with held_up(service, "begin_turn", service.storage, conversation, monkeypatch, ALICE):
        answered = [
            await service.client.get("/api/health"),
            await service.client.get("/api/conversations", headers=BOB),
            await service.client.patch(other, json={"title": "x"}, headers=BOB),
            await service.client.post(f"{reply}/stop", headers=ALICE),
            await service.client.get(f"{reply}/stream", headers=ALICE),
        ]

    assert {response.status_code for response in answered} == {200}


async def test_strangers_beyond_the_limit_are_refused_before_they_are_authenticated(
    service: HttpService, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, other = await service.conversation(), await service.conversation(BOB)
    async with held_up(service, "authenticate", service.auth, path, monkeypatch, ALICE):
        asked = len(service.auth.trace_ids)
        refused = await send(service, other, headers=BOB)
        assert len(service.auth.trace_ids) == asked
    accepted = await send(service, other, headers=BOB)

    assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
    assert accepted.status_code == 200


async def test_a_slow_body_takes_no_place(service: HttpService) -> None:
    path, other = await service.conversation(), await service.conversation(BOB)
    gate = Gate()

    async def slow_body() -> AsyncIterator[bytes]:
        yield b'{"content": '
        await gate.pass_through()
        yield b'"hi"}'

    headers = {**ALICE, "Content-Type": "application/json"}
    waiting = asyncio.create_task(service.client.post(f"{path}/messages", content=slow_body(), headers=headers))
    await gate.is_reached.wait()
    meanwhile = await send(service, other, headers=BOB)
    gate.open()

    assert meanwhile.status_code == 200
    assert (await waiting).status_code == 200


async def test_a_running_reply_takes_no_place(service: HttpService) -> None:
    await service.paused_reply(await service.conversation())

    assert (await send(service, await service.conversation(BOB), headers=BOB)).status_code == 200
