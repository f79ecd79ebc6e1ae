"""Conversations whose ids their clients choose, over HTTP."""

from __future__ import annotations

import asyncio

import pytest
from tests.unit.entrypoints.chatcore_service.http_service import ALICE, BOB, HttpService
from tests.unit.entrypoints.chatcore_service.problem_fields import fields

ID = "3fa85f64-5717-4562-b3fc-2c963f66afa6"
_PATH = f"/api/conversations/{ID}"


async def test_a_client_may_choose_the_id(service: HttpService) -> None:
    response = await service.client.post("/api/conversations", json={"id": ID, "title": "Sea"}, headers=ALICE)

    assert (response.status_code, response.headers["location"]) == (201, _PATH)
    assert (response.json()["id"], response.json()["title"]) == (ID, "Sea")
    assert await service.open(_PATH) == {**response.json(), "messages": []}


@pytest.mark.parametrize("sent", [ID, ID.upper(), ID.replace("-", "")])
async def test_a_repeat_returns_what_is_there_and_changes_nothing(service: HttpService, sent: str) -> None:
    await service.client.post("/api/conversations", json={"id": ID, "title": "Sea"}, headers=ALICE)
    opened = await service.turn(_PATH)

    body = {"id": sent, "title": "Land", "model_tag": "large", "instructions": "Rhyme."}
    response = await service.client.post("/api/conversations", json=body, headers=ALICE)

    assert (response.status_code, response.headers["location"]) == (200, _PATH)
    assert {**response.json(), "messages": opened["messages"]} == opened == await service.open(_PATH)
    assert await service.count_of_everything() == (1, 2)


async def test_of_two_creations_at_once_one_is_the_repeat_of_the_other(service: HttpService) -> None:
    bodies = [{"id": ID, "title": f"Title {number}"} for number in range(5)]

    answers = await asyncio.gather(
        *(service.client.post("/api/conversations", json=body, headers=ALICE) for body in bodies)
    )

    assert sorted(answer.status_code for answer in answers) == [200] * 4 + [201]
    assert len({answer.content for answer in answers}) == 1


async def test_the_id_of_another_user_is_as_free_as_any(service: HttpService) -> None:
    bobs = await service.client.post("/api/conversations", json={"id": ID, "title": "Bob's"}, headers=BOB)
    await service.turn(_PATH, headers=BOB)
    before = await service.open(_PATH, BOB)

    alices = await service.client.post("/api/conversations", json={"id": ID}, headers=ALICE)
    await service.turn(_PATH, "Hello")
    await service.client.delete(_PATH, headers=ALICE)

    assert (bobs.status_code, alices.status_code) == (201, 201)
    assert bobs.json().keys() == alices.json().keys()
    assert (alices.json()["title"], alices.json()["user_id"]) == ("New conversation", "alice")
    assert await service.open(_PATH, BOB) == before


async def test_the_id_of_a_deleted_conversation_is_free_again(service: HttpService) -> None:
    await service.client.post("/api/conversations", json={"id": ID}, headers=ALICE)
    await service.turn(_PATH)
    await service.client.delete(_PATH, headers=ALICE)

    response = await service.client.post("/api/conversations", json={"id": ID}, headers=ALICE)

    assert response.status_code == 201
    assert (await service.open(_PATH))["messages"] == []


async def test_no_id_leaves_the_choice_to_the_service(service: HttpService) -> None:
    answers = [await service.client.post("/api/conversations", json={"id": None}, headers=ALICE) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert len({answer.json()["id"] for answer in answers}) == 2


@pytest.mark.parametrize(
    "value", ["", " ", "1", f"{{{ID}}}", f"urn:uuid:{ID}", f"{ID}\n", ID[:-1], f"{ID}0", ID.replace("-", "", 1)]
)
async def test_an_id_that_is_none_is_refused(service: HttpService, value: str) -> None:
    response = await service.client.post("/api/conversations", json={"id": value}, headers=ALICE)

    assert (response.status_code, fields(response)) == (422, ["id"])
    assert await service.count_of_everything() == (0, 0)


async def test_what_else_is_wrong_is_said_of_a_repeat_too(service: HttpService) -> None:
    await service.client.post("/api/conversations", json={"id": ID}, headers=ALICE)

    response = await service.client.post("/api/conversations", json={"id": ID, "title": "x" * 501}, headers=ALICE)

    assert (response.status_code, fields(response)) == (422, ["title"])
