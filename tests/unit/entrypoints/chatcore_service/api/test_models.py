"""Models over HTTP: the answers of the inference service are passed on."""

from __future__ import annotations

import httpx
import pytest
from tests.unit.adapters.chatcore_auth.scripted_auth_service import ScriptedAuthService
from tests.unit.entrypoints.chatcore_service.http_service import ALICE, ROOT, HttpService, running_service
from tests.unit.models_answers import models_answer

from chatcore.errors import InferenceKeyRefusedError
from chatcore.system_clock import SystemClock
from chatcore_auth import AuthClient


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


def administrator(*, is_admin: bool) -> httpx.Response:
    return httpx.Response(200, json={"valid": True, "user": {"id": "root", "is_admin": is_admin}})


async def swap(service: HttpService, headers: dict[str, str]) -> httpx.Response:
    return await service.client.post("/api/models/swap", json={"model_tag": "x"}, headers=headers)


async def test_only_an_administrator_may_swap(service: HttpService) -> None:
    assert (await swap(service, ROOT)).status_code == 202
    assert (await swap(service, ALICE)).status_code == 403


async def test_the_auth_service_is_asked_afresh_whether_the_caller_is_an_administrator() -> None:
    auth_service = ScriptedAuthService(answer=lambda _: administrator(is_admin=True))
    auth = AuthClient("http://auth", "key", SystemClock(), transport=auth_service.transport)
    async with running_service(auth=auth) as service:
        assert (await swap(service, ROOT)).status_code == 202

        auth_service.answer = lambda _: administrator(is_admin=False)
        assert (await swap(service, ROOT)).status_code == 403

        auth_service.answer = lambda _: administrator(is_admin=True)
        assert (await swap(service, ROOT)).status_code == 202

        auth_service.answer = lambda _: httpx.Response(503)
        assert (await service.client.get("/api/models", headers=ROOT)).status_code == 200
        refused = await swap(service, ROOT)
        assert refused.status_code == 503
        assert "retry-after" in refused.headers
        assert refused.json()["code"] == "auth_unavailable"


async def test_a_refusal_of_our_own_key_is_a_problem_of_ours(service: HttpService) -> None:
    service.inference.models = service.inference.swap_answer = InferenceKeyRefusedError()

    for response in (await service.client.get("/api/models", headers=ALICE), await swap(service, ROOT)):
        assert response.status_code == 502
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json()["code"] == "inference_key_refused"
        assert "www-authenticate" not in response.headers
