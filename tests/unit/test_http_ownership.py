"""Two users, all routes, all ids: what is another's, was deleted, never was or is no id is the same 404."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from chatcore_service.description import openapi_document
from tests.unit.http_service import ALICE, BOB, HttpService, running_service

RANDOM_ID = "3fa85f64-5717-4562-b3fc-2c963f66afa6"


@pytest.fixture
async def service() -> AsyncIterator[HttpService]:
    async with running_service() as service:
        yield service


def routes_with_ids() -> list[tuple[str, str]]:
    return [
        (method.upper(), path)
        for path, item in openapi_document()["paths"].items()
        for method in item
        if "{" in path and method != "parameters"
    ]


def secured_routes() -> list[tuple[str, str]]:
    return [
        (method.upper(), path)
        for path, item in openapi_document()["paths"].items()
        for method, operation in item.items()
        if method != "parameters" and operation.get("security") != []
    ]


async def request(
    service: HttpService, method: str, path: str, headers: dict[str, str], ids: tuple[str, str]
) -> httpx.Response:
    bodies = {"PUT": {"title": "x"}, "POST": {"content": "x"} if path.endswith("messages") else None}
    address = path.format(conversation_id=ids[0], message_id=ids[1])
    return await service.client.request(method, address, json=bodies.get(method), headers=headers)


async def owned(service: HttpService, headers: dict[str, str]) -> tuple[str, str]:
    opened = await service.turn(await service.conversation(headers), headers=headers)
    return opened["id"], opened["messages"][-1]["id"]


@pytest.mark.parametrize(("method", "path"), routes_with_ids())
async def test_nothing_tells_another_users_thing_from_none(service: HttpService, method: str, path: str) -> None:
    bobs, alices, deleted = await owned(service, BOB), await owned(service, ALICE), await owned(service, ALICE)
    await service.client.delete(f"/api/conversations/{deleted[0]}", headers=ALICE)
    before = await service.count_of_everything(BOB)
    strangers = [bobs, deleted, (RANDOM_ID, RANDOM_ID), ("malformed", "malformed")]
    if "{message_id}" in path:
        strangers += [(alices[0], bobs[1]), (bobs[0], alices[1]), (alices[0], RANDOM_ID), (alices[0], "malformed")]

    answers = [await request(service, method, path, ALICE, ids) for ids in strangers]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1
    assert len({tuple(sorted(set(answer.headers) - {"x-trace-id"})) for answer in answers}) == 1
    assert await service.count_of_everything(BOB) == before


@pytest.mark.parametrize(("method", "path"), routes_with_ids())
async def test_the_owner_gets_through(service: HttpService, method: str, path: str) -> None:
    response = await request(service, method, path, ALICE, await owned(service, ALICE))

    assert response.status_code < 300


NOT_EXACTLY_ONE_TOKEN: list[list[tuple[str, str]]] = [
    [],
    [("Authorization", "")],
    [("Authorization", "Bearer")],
    [("Authorization", "Bearer ")],
    [("Authorization", "Bearer unknown")],
    [("Authorization", "Bearer\ttoken-of-alice")],
    [("Authorization", "Bearer token-of-alice token-of-alice")],
    [("Authorization", "Basic token-of-alice")],
    [("Authorization", "token-of-alice")],
    [("Authorization", "Bearer token-of-alice, Bearer token-of-alice")],
    [("Authorization", "Bearer tökén")],
    [("Authorization", "Bearer token-of-alice"), ("Authorization", "Bearer token-of-alice")],
    [("Cookie", "token=token-of-alice"), ("X-Api-Key", "token-of-alice"), ("X-User-Id", "alice")],
]


@pytest.mark.parametrize(("method", "path"), secured_routes())
async def test_no_secured_route_is_reached_without_exactly_one_token(
    service: HttpService, method: str, path: str
) -> None:
    address = path.format(conversation_id=RANDOM_ID, message_id=RANDOM_ID) + "?token=token-of-alice"
    for headers in NOT_EXACTLY_ONE_TOKEN:
        encoded = [(name.encode(), value.encode()) for name, value in headers]

        response = await service.client.request(method, address, headers=encoded)
        assert response.status_code == 401, headers
        assert response.headers["www-authenticate"] == "Bearer"
        assert response.json()["code"] == "not_authenticated"


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
async def test_the_scheme_may_be_in_any_case(service: HttpService, scheme: str) -> None:
    response = await service.client.get("/api/conversations", headers={"Authorization": f"{scheme} token-of-alice"})

    assert response.status_code == 200


async def test_nobody_is_let_in_while_auth_is_away(service: HttpService) -> None:
    service.auth.outage = True

    response = await service.client.get("/api/conversations", headers=ALICE)
    assert (response.status_code, response.json()["code"]) == (503, "auth_unavailable")
    assert int(response.headers["retry-after"]) > 0


async def test_only_administrators_swap_models(service: HttpService) -> None:
    response = await service.client.post("/api/models/swap", json={"model_tag": "x"}, headers=ALICE)

    assert (response.status_code, response.json()["code"]) == (403, "not_admin")
    assert service.inference.swapped == []
