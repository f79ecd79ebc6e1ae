"""Ids in paths."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.unit.entrypoints.chatcore_service.http_service import ALICE, HttpService

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


UNKNOWN_ID = "3fa85f64-5717-4562-b3fc-2c963f66afa6"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/conversations/{}"),
        ("PUT", "/api/conversations/{}"),
        ("PATCH", "/api/conversations/{}"),
        ("DELETE", "/api/conversations/{}"),
        ("POST", "/api/conversations/{}/messages"),
        ("POST", "/api/conversations/{}/regenerate"),
        ("GET", f"/api/conversations/{{}}/messages/{UNKNOWN_ID}/stream"),
        ("POST", f"/api/conversations/{{}}/messages/{UNKNOWN_ID}/stop"),
        ("POST", f"/api/conversations/{{}}/messages/{UNKNOWN_ID}/continue"),
        ("POST", "{existing}/messages/{}/continue"),
        ("GET", "{existing}/messages/{}/stream"),
        ("POST", "{existing}/messages/{}/stop"),
    ],
)
async def test_a_malformed_id_is_answered_like_an_unknown_one(service: HttpService, method: str, path: str) -> None:
    existing = await service.conversation()
    body = {"title": "x"} if method in {"PUT", "PATCH"} else {"content": "x"} if path.endswith("messages") else None

    async def answer(id_: str) -> tuple[int, bytes]:
        response = await service.client.request(method, path.format(id_, existing=existing), json=body, headers=ALICE)
        return response.status_code, response.content

    unknown = await answer(UNKNOWN_ID)
    assert unknown[0] == 404
    assert {bad: await answer(bad) for bad in MALFORMED_IDS} == dict.fromkeys(MALFORMED_IDS, unknown)


SPELLINGS = pytest.mark.parametrize(
    "spell",
    [str.upper, lambda id_: id_.replace("-", ""), lambda id_: id_.replace("-", "").upper()],
    ids=["upper case", "no hyphens", "both"],
)


@SPELLINGS
async def test_a_conversation_id_may_be_spelt_otherwise(service: HttpService, spell: Callable[[str], str]) -> None:
    conversation = await service.conversation()
    id_ = conversation[-36:]

    response = await service.client.get(f"/api/conversations/{spell(id_)}", headers=ALICE)

    assert (response.status_code, response.json()["id"]) == (200, id_)


@SPELLINGS
async def test_a_message_id_may_be_spelt_otherwise(service: HttpService, spell: Callable[[str], str]) -> None:
    conversation = await service.conversation()
    messages = (await service.turn(conversation))["messages"]
    reply = messages[-1]["id"]
    path = f"/api/conversations/{spell(conversation[-36:])}/messages/{spell(reply)}"

    stopped = await service.client.post(f"{path}/stop", headers=ALICE)
    streamed = await service.client.get(f"{path}/stream", headers=ALICE)

    assert (stopped.status_code, stopped.json()["id"]) == (200, reply)
    assert streamed.text == (await service.client.get(f"{conversation}/messages/{reply}/stream", headers=ALICE)).text
