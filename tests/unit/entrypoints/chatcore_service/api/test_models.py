"""Models over HTTP: the answers of the inference service are passed on."""

from __future__ import annotations

import pytest
from tests.unit.entrypoints.chatcore_service.http_service import ALICE, ROOT, HttpService
from tests.unit.models_answers import models_answer


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
