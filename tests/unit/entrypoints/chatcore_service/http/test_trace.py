"""Trace ids: which are taken, which are replaced, and that they go along."""

from __future__ import annotations

import pytest
from tests.unit.entrypoints.chatcore_service.http_service import ALICE, HttpService


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


async def test_white_space_around_a_trace_id_is_none_of_it(service: HttpService) -> None:
    response = await service.client.get("/api/health", headers=[(b"x-trace-id", b" a\t ")])

    assert response.headers["x-trace-id"] == "a"
