"""Admission: the requests that one user may have in progress, and send in a minute."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from attrs import evolve
from starlette.types import Receive, Scope, Send
from tests.unit.entrypoints.chatcore_service.http_service import (
    ALICE,
    BOB,
    PAUSED,
    SETTINGS,
    HttpService,
    running_service,
)

from chatcore import UserId
from chatcore_memory import FrozenClock
from chatcore_service.http.admission import Admission
from chatcore_service.http.buffer_budget import BufferBudget
from chatcore_service.http.refusals import TooManyRequestsError
from chatcore_service.metrics import Metrics
from chatcore_service.settings import RequestSettings, Settings

USER = UserId("alice")


def limited(**changes: int) -> Settings:
    return evolve(SETTINGS, requests=evolve(SETTINGS.requests, **changes))


def admission_of(max_per_user: int) -> Admission:
    settings, metrics = RequestSettings(max_per_user=max_per_user), Metrics()
    budget = BufferBudget(settings.max_buffered_bytes, metrics)
    return Admission(settings, buffer_budget=budget, clock=FrozenClock(), metrics=metrics)


async def metric(service: HttpService, name: str) -> float:
    lines = (await service.client.get("/metrics")).text.splitlines()
    [value] = [line.split()[-1] for line in lines if line.startswith(f"{name} ")]
    return float(value)


class SlowBody:
    """A request body that does not end before it is released."""

    def __init__(self) -> None:
        self.is_read = asyncio.Event()
        self.released = asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"{"
        self.is_read.set()
        await self.released.wait()
        yield b"}"


@asynccontextmanager
async def requests_in_progress(service: HttpService, count: int) -> AsyncIterator[None]:
    """Keeps requests in progress for the duration of the block; then each of them is answered."""
    bodies = [SlowBody() for _ in range(count)]
    headers = {**ALICE, "Content-Type": "application/json"}
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(service.client.post("/api/conversations", content=body, headers=headers))
            for body in bodies
        ]
        for body in bodies:
            await body.is_read.wait()
        yield
        for body in bodies:
            body.released.set()
    assert {task.result().status_code for task in tasks} == {201}


async def test_a_user_has_the_permitted_number_of_requests_in_progress() -> None:
    async with running_service(limited(max_per_user=3)) as service:
        async with requests_in_progress(service, 3):
            refused = await service.client.get("/api/conversations", headers=ALICE)
            of_another = await service.client.get("/api/conversations", headers=BOB)
            probes = [await service.client.get(path) for path in ("/api/health", "/metrics", "/docs", "/openapi.json")]
            in_progress = await metric(service, "chatcore_requests_in_progress")
        afterwards = await service.client.get("/api/conversations", headers=ALICE)
        refusals = await metric(service, 'chatcore_requests_refused_by_limits_total{code="too_many_requests"}')

    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert refused.json()["code"] == "too_many_requests"
    assert of_another.status_code == afterwards.status_code == 200
    assert {probe.status_code for probe in probes} == {200}
    assert (in_progress, refusals) == (3, 1)


def test_the_default_is_64_requests() -> None:
    admission = admission_of(RequestSettings().max_per_user)
    for _ in range(64):
        admission.admit(USER, {})

    with pytest.raises(TooManyRequestsError):
        admission.admit(USER, {})


async def test_a_failed_request_is_in_progress_no_more() -> None:
    async with running_service(limited(max_per_user=1)) as service:
        for path in ("/api/conversations/x", "/api/conversations?limit=x", "/api/conversations"):
            await service.client.get(path, headers=ALICE)
        await service.client.post("/api/conversations", content=b"{", headers=ALICE)

        assert (await service.client.get("/api/conversations", headers=ALICE)).status_code == 200
        assert await metric(service, "chatcore_requests_in_progress") == 0


async def test_an_open_stream_is_counted_by_its_own_limit_only() -> None:
    async with running_service(limited(max_per_user=1)) as service:
        service.inference.play_next(*PAUSED)
        path = f"{await service.conversation()}/messages"
        sending = asyncio.create_task(service.client.post(path, json={"content": "hi"}, headers=ALICE))
        await service.inference.until_paused()

        assert await metric(service, "chatcore_open_streams") == 1
        assert (await service.client.get("/api/conversations", headers=ALICE)).status_code == 200
        service.inference.release()
        assert (await sending).status_code == 200


async def test_a_response_is_in_progress_to_its_end() -> None:
    admission = admission_of(1)
    is_sent = asyncio.Event()

    async def response(_scope: Scope, _receive: Receive, _send: Send) -> None:
        await is_sent.wait()

    respond = admission.admit(USER, {}).released_after(response)
    responding = asyncio.ensure_future(respond({}, _no_message, _drop))
    await asyncio.sleep(0)
    with pytest.raises(TooManyRequestsError):
        admission.admit(USER, {})
    is_sent.set()
    await responding
    admission.admit(USER, {})


async def test_a_response_that_fails_releases_its_place() -> None:
    admission = admission_of(1)

    async def response(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await admission.admit(USER, {}).released_after(response)({}, _no_message, _drop)
    admission.admit(USER, {})


async def test_a_user_may_send_the_permitted_number_of_requests_in_a_minute() -> None:
    clock = FrozenClock()
    async with running_service(limited(max_per_minute=2), clock) as service:
        statuses = [(await service.client.get("/api/conversations", headers=ALICE)).status_code for _ in range(2)]
        refused = await service.client.post("/api/conversations", headers=ALICE)
        of_another = await service.client.get("/api/conversations", headers=BOB)
        probes = [await service.client.get(path) for path in ("/api/health", "/metrics", "/docs") * 2]
        clock.advance(int(refused.headers["retry-after"]))
        afterwards = await service.client.get("/api/conversations", headers=ALICE)

    assert statuses == [200, 200]
    assert (refused.status_code, refused.json()["code"]) == (429, "too_frequent_requests")
    assert 1 <= int(refused.headers["retry-after"]) <= 61
    assert afterwards.json()["items"] == []
    assert {answer.status_code for answer in (of_another, afterwards, *probes)} == {200}


async def test_the_number_of_requests_in_a_minute_is_not_limited_by_default(service: HttpService) -> None:
    answers = [await service.client.get("/api/conversations", headers=ALICE) for _ in range(300)]

    assert {answer.status_code for answer in answers} == {200}


async def _no_message() -> dict[str, object]:
    raise AssertionError


async def _drop(_message: object) -> None:
    raise AssertionError
