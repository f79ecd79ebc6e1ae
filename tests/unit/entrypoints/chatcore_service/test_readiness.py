"""Readiness and metrics."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from attrs import evolve
from structlog.testing import capture_logs
from tests.unit.entrypoints.chatcore_service.http_service import ALICE, SETTINGS, HttpService, running_service

from chatcore.errors import (
    InferenceKeyRefusedError,
    InferenceUnreachableError,
    StorageNotReadyError,
    StorageUnavailableError,
)
from chatcore_memory import FrozenClock
from chatcore_service.readiness import TIMEOUT_SECONDS


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
async def service(clock: FrozenClock) -> AsyncIterator[HttpService]:
    async with running_service(clock=clock) as service:
        yield service


async def test_a_service_that_reaches_everything_is_ready(service: HttpService) -> None:
    response = await service.client.get("/api/ready")

    assert response.status_code == 200
    assert response.json() == {
        "status": "ok",
        "checks": {"process": "ok", "database": "ok", "auth": "ok", "inference": "ok"},
    }


@pytest.mark.parametrize("name", ["database", "auth", "inference"])
async def test_an_unreachable_dependency_is_named(service: HttpService, clock: FrozenClock, name: str) -> None:
    service.storage.outage = name == "database"
    service.auth.outage = name == "auth"
    service.inference.outage = InferenceUnreachableError() if name == "inference" else None
    clock.advance(10)

    response = await service.client.get("/api/ready")
    document = response.json()
    assert (response.status_code, document["status"]) == (503, "unavailable")
    assert {key for key, value in document["checks"].items() if value != "ok"} == {name}


@pytest.mark.parametrize("name", ["auth", "inference"])
async def test_a_dependency_that_refuses_our_key_is_named(service: HttpService, name: str) -> None:
    service.auth.is_key_refused = name == "auth"
    service.inference.outage = InferenceKeyRefusedError() if name == "inference" else None

    with capture_logs() as lines:
        response = await service.client.get("/api/ready")

    assert response.status_code == 503
    assert {key: value for key, value in response.json()["checks"].items() if value != "ok"} == {name: "key_refused"}
    assert response.json()["details"] == {name: f"The {name} service refuses the key in INTERNAL_API_KEY."}
    [line] = [line for line in lines if "dependency" in line]
    assert line == {"event": "a dependency refuses our internal key", "log_level": "error", "dependency": name}


_UNFORESEEN = RuntimeError("nobody foresaw this")


@pytest.mark.parametrize(
    ("error", "why"),
    [
        # An outage may last for hours, in which probes go on asking.
        (StorageUnavailableError(), {"error": "StorageUnavailableError"}),
        (TimeoutError(), {"error": "TimeoutError"}),
        (_UNFORESEEN, {"exc_info": _UNFORESEEN}),
    ],
)
async def test_any_failure_makes_a_dependency_unavailable_and_is_logged(
    service: HttpService, error: Exception, why: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail() -> None:
        raise error

    monkeypatch.setitem(service.container.readiness()._pings, "database", fail)
    with capture_logs() as lines:
        ready = await service.client.get("/api/ready")

    assert (ready.status_code, ready.json()["checks"]["database"]) == (503, "unavailable")
    [line] = [line for line in lines if "dependency" in line]
    assert line == {"event": "a dependency is unavailable", "log_level": "warning", "dependency": "database", **why}


async def test_a_database_that_an_operator_has_to_change_says_how(
    service: HttpService, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    cause = "The database lacks tables or columns of this version: run `chatcore migrate`."

    async def fail() -> None:
        raise StorageNotReadyError(cause)

    with monkeypatch.context() as patch, capture_logs() as lines:
        patch.setitem(service.container.readiness()._pings, "database", fail)
        ready = await service.client.get("/api/ready")
    clock.advance(1)
    ready_later = await service.client.get("/api/ready")

    assert (ready.status_code, ready.json()["checks"]["database"]) == (503, "unavailable")
    assert ready.json()["details"] == {"database": cause}
    assert [line for line in lines if line["log_level"] == "error"] == [
        {"event": "the database is not ready", "log_level": "error", "reason": cause}
    ]
    assert (ready_later.status_code, "details" in ready_later.json()) == (200, False)


async def test_a_request_is_told_what_an_operator_has_to_do(
    service: HttpService, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise StorageNotReadyError("Run `chatcore migrate`.")

    monkeypatch.setattr(service.storage, "list_conversations", fail)

    refused = await service.client.get("/api/conversations", headers=ALICE)

    assert (refused.status_code, refused.json()["code"]) == (503, "storage_unavailable")
    assert refused.json()["detail"] == "Run `chatcore migrate`."


async def test_a_dependency_that_does_not_answer_in_time_is_unavailable(
    service: HttpService, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(service.container.readiness()._pings, "database", asyncio.Event().wait)
    asking = asyncio.create_task(service.client.get("/api/ready"))

    await clock.elapse(TIMEOUT_SECONDS - 0.1)
    assert not asking.done()
    await clock.elapse(0.1)
    assert (await asking).json()["checks"]["database"] == "unavailable"


async def test_a_result_is_reused_for_a_second(service: HttpService, clock: FrozenClock) -> None:
    await service.client.get("/api/ready")
    service.auth.outage = True

    before = await service.client.get("/api/ready")
    clock.advance(1)
    after = await service.client.get("/api/ready")
    assert (before.status_code, after.status_code) == (200, 503)


async def test_liveness_is_the_same_whatever_the_service_is_called_in_its_logs() -> None:
    async with running_service(evolve(SETTINGS, service_name="blue")) as service:
        health = await service.client.get("/api/health")

    assert health.json() == {"status": "ok", "ready": True, "service": "chat-api"}


async def test_concurrent_requests_cost_one_ping(service: HttpService, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0

    async def look() -> None:
        nonlocal looks
        looks += 1
        await asyncio.sleep(0)

    monkeypatch.setattr(service.storage, "ping", look)
    readiness = service.container.readiness()
    monkeypatch.setitem(readiness._pings, "database", look)
    await asyncio.gather(*(service.client.get("/api/ready") for _ in range(20)))
    assert looks == 1


async def test_a_draining_service_is_not_ready_and_takes_no_turns(service: HttpService) -> None:
    conversation = await service.conversation()
    await service.container.shutdown().drain()

    ready = await service.client.get("/api/ready")
    health = await service.client.get("/api/health")
    turn = await service.client.post(f"{conversation}/messages", json={"content": "hi"}, headers=ALICE)
    assert (ready.status_code, ready.json()["checks"]["process"]) == (503, "draining")
    assert (health.status_code, health.json()) == (200, {"status": "ok", "ready": True, "service": "chat-api"})
    assert (turn.status_code, turn.json()["code"]) == (503, "draining")
    assert (await service.client.get(conversation, headers=ALICE)).status_code == 200


async def test_a_report_keeps_its_details_while_the_next_round_of_pings_runs(
    service: HttpService, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    readiness = service.container.readiness()
    cause = "Run `chatcore migrate`."
    has_begun = asyncio.Event()

    async def fail() -> None:
        raise StorageNotReadyError(cause)

    async def block() -> None:
        has_begun.set()
        await asyncio.Event().wait()

    monkeypatch.setitem(readiness._pings, "database", fail)
    report = await readiness.check()
    clock.advance(1)
    monkeypatch.setitem(readiness._pings, "database", block)
    next_check = asyncio.create_task(readiness.check())
    await has_begun.wait()

    assert report.details == {"database": cause}
    next_check.cancel()
    await readiness.close()
