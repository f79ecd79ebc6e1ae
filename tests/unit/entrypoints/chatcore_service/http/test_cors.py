"""CORS: what the frontends may do, and that no other origin may do anything."""

from __future__ import annotations

import pytest
from attrs import evolve
from tests.unit.entrypoints.chatcore_service.http_service import ALICE, SETTINGS, HttpService, running_service

FRONTEND = {"Origin": "http://localhost:3000"}


async def test_the_frontend_may_read_what_it_needs(service: HttpService) -> None:
    response = await service.client.get("/api/conversations", headers={**ALICE, **FRONTEND})

    exposed = response.headers["access-control-expose-headers"].lower().split(", ")
    assert response.headers["access-control-allow-origin"] == "http://localhost:3000"
    assert {"location", "content-location", "x-trace-id", "retry-after"} <= set(exposed)
    assert "origin" in response.headers["vary"].lower()


@pytest.mark.parametrize("path", ["/console/config", "/console/loading.js"])
async def test_what_the_built_in_page_loads_is_for_itself_alone(service: HttpService, path: str) -> None:
    for headers in (FRONTEND, {}):
        response = await service.client.get(path, headers=headers)
        assert response.status_code == 200
        assert "access-control-allow-origin" not in response.headers
        assert "origin" not in response.headers.get("vary", "").lower()
    assert (await service.client.options(path, headers=FRONTEND)).status_code == 405


async def test_the_frontend_may_read_why_it_was_refused(service: HttpService) -> None:
    response = await service.client.get("/api/conversations", headers=FRONTEND)

    assert response.status_code == 401
    assert response.headers["access-control-allow-origin"] == "http://localhost:3000"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
async def test_a_preflight_of_the_frontend_passes_without_a_token(service: HttpService, method: str) -> None:
    asked = {**FRONTEND, "Access-Control-Request-Method": method}
    headers = (
        "authorization,cache-control,last-event-id",
        "content-type,idempotency-key,prefer,x-trace-id,x-request-id",
        "sentry-trace,baggage",
        "traceparent",
        "x-requested-with",
    )

    for header in headers:
        preflight = {**asked, "Access-Control-Request-Headers": header}
        response = await service.client.options("/api/conversations", headers=preflight)
        assert response.status_code == 200, header
        assert response.headers["access-control-allow-origin"] == "http://localhost:3000", header
        assert response.headers["access-control-allow-headers"] == header


@pytest.mark.parametrize(
    "origin",
    [
        "http://localhost:3001",
        "https://localhost:3000",
        "http://localhost:3000.evil.test",
        "null",
        "*",
        "http://LOCALHOST:3000",
    ],
)
async def test_no_other_origin_is_allowed_anything(service: HttpService, origin: str) -> None:
    asked = {"Origin": origin, "Access-Control-Request-Method": "GET"}

    for response in (
        await service.client.options("/api/conversations", headers=asked),
        await service.client.get("/api/conversations", headers={**ALICE, "Origin": origin}),
    ):
        assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize(
    "refused",
    [
        {"Origin": "https://evil.test"},
        {"Access-Control-Request-Method": "TRACE"},
    ],
)
async def test_a_preflight_that_is_refused_is_a_problem_document(service: HttpService, refused: dict[str, str]) -> None:
    asked = {**FRONTEND, "Access-Control-Request-Method": "GET", **refused}

    response = await service.client.options("/api/conversations", headers=asked)
    assert response.status_code == response.json()["status"] == 400
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["code"] == "preflight_refused"
    assert "origin" in response.headers["vary"].lower()
    assert response.headers["x-trace-id"]


async def test_there_may_be_several_frontends() -> None:
    settings = evolve(SETTINGS, frontend_origins=("https://a.test", "https://b.test"))
    async with running_service(settings) as service:
        for origin in settings.frontend_origins:
            response = await service.client.get("/api/health", headers={"Origin": origin})
            assert response.headers["access-control-allow-origin"] == origin
