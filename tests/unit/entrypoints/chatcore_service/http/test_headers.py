"""Headers: trace ids, security, CORS."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from attrs import evolve
from tests.unit.entrypoints.chatcore_service.http_service import ALICE, ROOT, SETTINGS, HttpService, running_service
from tests.unit.models_answers import models_answer

FRONTEND = {"Origin": "http://localhost:3000"}


@pytest.fixture
async def service() -> AsyncIterator[HttpService]:
    async with running_service() as service:
        yield service


# -- Trace ids -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["x-trace-id", "x-request-id", "X-Trace-Id"])
async def test_a_well_formed_trace_id_comes_back_and_goes_along(service: HttpService, name: str) -> None:
    path = f"{await service.conversation()}/messages"
    values = ["a", "A-z0.9_", "x" * 128]

    responses = [
        await service.client.post(path, json={"content": "hi"}, headers={**ALICE, name: value}) for value in values
    ]
    assert [response.headers["x-trace-id"] for response in responses] == values
    assert service.auth.trace_ids[-3:] == values
    assert service.inference.trace_ids == values


async def test_a_trace_id_wins_over_a_request_id(service: HttpService) -> None:
    response = await service.client.get("/api/health", headers={"x-request-id": "b", "x-trace-id": "a"})

    assert response.headers["x-trace-id"] == "a"


@pytest.mark.parametrize("value", ["", " ", "x" * 129, "a b", "a/b", "é".encode(), "a%0d%0ax: y", "<script>"])
async def test_a_malformed_trace_id_is_replaced(service: HttpService, value: str | bytes) -> None:
    encoded = value if isinstance(value, bytes) else value.encode()
    responses = [await service.client.get("/api/health", headers=[(b"x-trace-id", encoded)]) for _ in range(2)]

    made = {response.headers["x-trace-id"] for response in responses}
    assert len(made) == 2
    assert all(trace_id.isalnum() and len(trace_id) == 32 for trace_id in made)


@pytest.mark.parametrize("path", ["/api/health", "/api/conversations", "/nothing", "/docs", "/metrics"])
async def test_every_response_has_a_trace_id_and_the_security_headers(service: HttpService, path: str) -> None:
    response = await service.client.get(path)

    assert response.headers["x-trace-id"]
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["cache-control"] == "no-store"
    assert "frame-ancestors 'none'" in response.headers["content-security-policy"]
    assert len(response.headers.get_list("content-security-policy")) == 1
    assert "server" not in response.headers


# -- White space around values (RFC 9110, section 5.5) ---------------------------------------------------------------


async def test_white_space_around_a_token_is_none_of_it(service: HttpService) -> None:
    expected = {
        "Bearer token-of-alice ": 200,
        "\t Bearer token-of-alice \t": 200,
        "Bearer  token-of-alice": 200,
        "bearer    token-of-alice": 200,
        "Bearer\ttoken-of-alice": 401,
        "Bearer token-of-alice x": 401,
        "Bearertoken-of-alice": 401,
        "Bearer ": 401,
    }

    answers = {
        value: await service.client.get("/api/conversations", headers=[("Authorization", value)]) for value in expected
    }
    assert {value: answer.status_code for value, answer in answers.items()} == expected


async def test_white_space_around_a_trace_id_is_none_of_it(service: HttpService) -> None:
    response = await service.client.get("/api/health", headers=[(b"x-trace-id", b" a\t ")])

    assert response.headers["x-trace-id"] == "a"


async def test_white_space_around_an_idempotency_key_is_none_of_it(service: HttpService) -> None:
    path = f"{await service.conversation()}/messages"
    for key in ("a key of mine", " the-key ", "the-key\t", "the-key"):
        headers = [*ALICE.items(), ("Idempotency-Key", key)]
        response = await service.client.post(path, json={"content": "hi"}, headers=headers)
        assert response.status_code == (422 if " of " in key else 200)

    assert len(service.inference.calls) == 1


async def test_white_space_around_an_event_id_is_none_of_it(service: HttpService) -> None:
    conversation = await service.conversation()
    reply = (await service.turn(conversation))["messages"][-1]
    path = f"{conversation}/messages/{reply['id']}/stream"
    for value, status in ((" 1 ", 200), ("1\t", 200), (f"{len(reply['content'])} ", 204), ("1 1", 400), (" ", 400)):
        response = await service.client.get(path, headers=[*ALICE.items(), ("Last-Event-ID", value)])
        assert response.status_code == status, value


# -- CORS ------------------------------------------------------------------------------------------------------------


async def test_the_frontend_may_read_what_it_needs(service: HttpService) -> None:
    response = await service.client.get("/api/conversations", headers={**ALICE, **FRONTEND})

    exposed = response.headers["access-control-expose-headers"].lower().split(", ")
    assert response.headers["access-control-allow-origin"] == "http://localhost:3000"
    assert {"location", "content-location", "x-trace-id", "retry-after"} <= set(exposed)
    assert "origin" in response.headers["vary"].lower()


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


# -- Models ----------------------------------------------------------------------------------------------------------


async def test_the_answer_about_models_is_passed_on_unread(service: HttpService) -> None:
    service.inference.models = models_answer(418, b"{ odd", "text/odd")

    response = await service.client.get("/api/models", headers=ALICE)
    assert (response.status_code, response.content) == (418, b"{ odd")
    assert response.headers["content-type"] == "text/odd"


async def test_a_media_type_that_is_no_header_is_not_passed_on(service: HttpService) -> None:
    service.inference.models = models_answer(200, media_type="x\r\ny: z")

    response = await service.client.get("/api/models", headers=ALICE)
    assert response.headers["content-type"] == "application/octet-stream"


@pytest.mark.parametrize(
    ("status", "told", "expected"),
    [(429, 7, "7"), (503, 7, "7"), (429, None, "2"), (503, None, "2"), (200, 7, None), (500, 7, None)],
)
async def test_who_is_told_to_come_back_later_is_told_when(
    service: HttpService, status: int, told: int | None, expected: str | None
) -> None:
    answer = models_answer(status, retry_after_seconds=told)
    service.inference.models = service.inference.swap_answer = answer

    for response in (
        await service.client.get("/api/models", headers=ROOT),
        await service.client.post("/api/models/swap", json={"model_tag": "x"}, headers=ROOT),
    ):
        assert (response.status_code, response.headers.get("retry-after")) == (status, expected)
