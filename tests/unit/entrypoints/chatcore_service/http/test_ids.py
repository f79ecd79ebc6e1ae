"""Ids in paths."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
from tests.unit.entrypoints.chatcore_service.http_service import ALICE, HttpService, running_service


@pytest.fixture
async def service() -> AsyncIterator[HttpService]:
    async with running_service() as service:
        yield service


MALFORMED_IDS = [
    "x",
    "0",
    "-",
    "%20",
    "%00",
    "%F0%9F%98%80",
    "{3fa85f64-5717-4562-b3fc-2c963f66afa6}",
    "urn:uuid:3fa85f64-5717-4562-b3fc-2c963f66afa6",
    "3fa85f64-57174562b3fc2c963f66afa6",
    "3fa85f6457174562b3fc2c963f66afa",
    "3fa85f64-5717-4562-b3fc-2c963f66afa",
    "3fa85f64-5717-4562-b3fc-2c963f66afa6a",
    " 3fa85f64-5717-4562-b3fc-2c963f66afa6",
    "3fa85f64-5717-4562-b3fc-2c963f66afa6%0A",
    "3fa85f64-5717-4562-b3fc-2c963f66afg6",
    "00000000-0000-0000-0000-000000000000",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "..;",
    "a" * 10_000,
]


@pytest.mark.parametrize("bad", MALFORMED_IDS)
async def test_a_malformed_id_is_answered_like_an_unknown_one(service: HttpService, bad: str) -> None:
    unknown = "3fa85f64-5717-4562-b3fc-2c963f66afa6"
    existing = await service.conversation()
    for method, path in (
        ("GET", "/api/conversations/{}"),
        ("PUT", "/api/conversations/{}"),
        ("DELETE", "/api/conversations/{}"),
        ("POST", "/api/conversations/{}/messages"),
        ("POST", "/api/conversations/{}/regenerate"),
        ("GET", f"/api/conversations/{{}}/messages/{unknown}/stream"),
        ("POST", f"/api/conversations/{{}}/messages/{unknown}/stop"),
        ("GET", f"{existing}/messages/{{}}/stream"),
        ("POST", f"{existing}/messages/{{}}/stop"),
    ):
        body = {"title": "x"} if method == "PUT" else {"content": "x"} if path.endswith("messages") else None
        malformed = await service.client.request(method, path.format(bad), json=body, headers=ALICE)
        absent = await service.client.request(method, path.format(unknown), json=body, headers=ALICE)
        assert (malformed.status_code, malformed.content) == (404, absent.content), (method, path)


@pytest.mark.parametrize("spell", [str.upper, lambda id_: id_.replace("-", "")], ids=["upper case", "no hyphens"])
async def test_an_id_may_be_spelt_otherwise(service: HttpService, spell: Callable[[str], str]) -> None:
    conversation = await service.conversation()
    id_ = conversation[-36:]

    response = await service.client.get(f"/api/conversations/{spell(id_)}", headers=ALICE)

    assert (response.status_code, response.json()["id"]) == (200, id_)
