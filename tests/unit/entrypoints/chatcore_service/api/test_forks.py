"""Forks of conversations over HTTP."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.unit.entrypoints.chatcore_service.http_service import ALICE, BOB, HttpService, Json
from tests.unit.entrypoints.chatcore_service.problem_fields import fields

ID = "3fa85f64-5717-4562-b3fc-2c963f66afa6"
_PATH = f"/api/conversations/{ID}"

# What a copy has of its own.
_OWN = {"id", "conversation_id", "parent_id", "versions"}


async def fork(service: HttpService, source: str, **body: str) -> Json:
    response = await service.client.post(f"{source}/fork", json=body, headers=ALICE)
    assert response.status_code == 201
    return await service.open(response.headers["location"])


async def refusal(service: HttpService, source: str, body: Any) -> tuple[int, list[str]]:  # noqa: ANN401 - any JSON
    response = await service.client.post(f"{source}/fork", json=body, headers=ALICE)
    return response.status_code, fields(response)


def comparable(messages: list[Json]) -> list[Json]:
    return [{name: value for name, value in message.items() if name not in _OWN} for message in messages]


async def test_a_fork_has_a_copy_of_the_whole_path(service: HttpService) -> None:
    source = await service.conversation()
    await service.client.patch(source, json={"instructions": "Rhyme.", "is_pinned": True}, headers=ALICE)
    await service.turn(source, "Hello")
    before = await service.turn(source, "And you?")

    response = await service.client.post(f"{source}/fork", headers=ALICE)
    forked = await service.open(response.headers["location"])

    assert response.status_code == 201
    assert {**response.json(), "messages": forked["messages"]} == forked
    assert comparable(forked["messages"]) == comparable(before["messages"])
    assert {message["conversation_id"] for message in forked["messages"]} == {forked["id"]}
    assert (forked["title"], forked["instructions"], forked["is_pinned"]) == ("Hello", "Rhyme.", False)
    assert forked["updated_at"] > before["updated_at"]
    assert await service.open(source) == before
    listed = (await service.client.get("/api/conversations", headers=ALICE)).json()["items"]
    assert [item["id"] for item in listed] == [forked["id"], before["id"]]


async def test_a_path_ends_with_the_named_message(service: HttpService) -> None:
    source = await service.conversation()
    await service.turn(source, "Hello")
    opened = await service.turn(source, "And you?")

    for count, message in enumerate(opened["messages"], 1):
        forked = await fork(service, source, message_id=message["id"])
        assert comparable(forked["messages"]) == comparable(opened["messages"][:count])


async def test_a_fork_goes_on_by_itself(service: HttpService) -> None:
    source = await service.conversation()
    before = await service.turn(source, "Hello")
    forked = await fork(service, source)
    await service.client.delete(source, headers=ALICE)

    opened = await service.turn(f"/api/conversations/{forked['id']}", "And now?")

    assert opened["messages"][:2] == forked["messages"]
    assert [message["content"] for message in opened["messages"]] == ["Hello", "Hello", "And now?", "Hello"]
    assert before["id"] != opened["id"]


@pytest.mark.parametrize("sent", [ID, ID.upper(), ID.replace("-", "")])
async def test_a_repeat_with_the_same_id_returns_the_first_fork(service: HttpService, sent: str) -> None:
    source = await service.conversation()
    await service.turn(source, "Hello")
    first = await fork(service, source, id=ID)
    await service.turn(_PATH, "And now?")
    await service.paused_reply(source)
    before = await service.count_of_everything()

    # The source is busy, and then gone, but the fork was made already.
    answers = [await service.client.post(f"{source}/fork", json={"id": sent}, headers=ALICE)]
    await service.client.delete(source, headers=ALICE)
    answers += [await service.client.post(f"{source}/fork", json={"id": sent}, headers=ALICE)]

    assert [(answer.status_code, answer.headers["location"]) for answer in answers] == [(200, _PATH)] * 2
    opened = await service.open(_PATH)
    assert [{**answer.json(), "messages": opened["messages"]} for answer in answers] == [opened] * 2
    assert opened["messages"][:2] == first["messages"]
    assert before == (2, 8)


async def test_of_two_forks_at_once_one_is_the_repeat_of_the_other(service: HttpService) -> None:
    source = await service.conversation()
    await service.turn(source, "Hello")

    answers = await asyncio.gather(
        *(service.client.post(f"{source}/fork", json={"id": ID}, headers=ALICE) for _ in range(4))
    )

    assert sorted(answer.status_code for answer in answers) == [200] * 3 + [201]
    assert len({answer.content for answer in answers}) == 1
    assert await service.count_of_everything() == (2, 4)


async def test_the_id_of_another_users_conversation_is_free(service: HttpService) -> None:
    await service.client.post("/api/conversations", json={"id": ID, "title": "Bob's"}, headers=BOB)
    before = await service.open(_PATH, BOB)
    source = await service.conversation()
    await service.turn(source, "Hello")

    forked = await fork(service, source, id=ID)

    assert (forked["user_id"], forked["title"]) == ("alice", "Hello")
    assert await service.open(_PATH, BOB) == before


async def test_a_reply_in_the_making_is_not_copied(service: HttpService) -> None:
    source = await service.conversation()
    opened = await service.turn(source, "Hello")
    reply = await service.paused_reply(source)

    for body in ({}, {"message_id": reply[-36:]}):
        response = await service.client.post(f"{source}/fork", json=body, headers=ALICE)
        assert (response.status_code, response.json()["code"]) == (409, "generation_in_progress")
        assert response.headers["location"] == f"{reply}/stream"
    assert (await service.count_of_everything())[0] == 1
    forked = await fork(service, source, message_id=opened["messages"][-1]["id"])
    assert (len(forked["messages"]), forked["active_reply_id"]) == (2, None)


async def test_the_fork_of_an_empty_conversation_is_empty(service: HttpService) -> None:
    forked = await fork(service, await service.conversation())

    assert (forked["messages"], forked["title"]) == ([], "New conversation")


async def test_a_message_that_the_conversation_does_not_have_is_refused(service: HttpService) -> None:
    source, other, bobs = [await service.conversation(headers) for headers in (ALICE, ALICE, BOB)]
    foreign = [await service.turn(other), await service.turn(bobs, headers=BOB)]
    await service.turn(source)

    for id_ in (ID, *(opened["messages"][0]["id"] for opened in foreign)):
        assert await refusal(service, source, {"message_id": id_}) == (422, ["message_id"])
    assert (await service.count_of_everything())[0] == 2


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"message_id": "x"}, ["message_id"]),
        ({"message_id": 5}, ["message_id"]),
        ({"message_id": "", "id": ""}, ["id", "message_id"]),
        ({"id": [ID]}, ["id"]),
        ([], [""]),
    ],
)
async def test_a_malformed_body_is_refused(service: HttpService, body: object, named: list[str]) -> None:
    status, refused = await refusal(service, await service.conversation(), body)

    assert (status, sorted(refused)) == (422, named)


async def test_a_copy_can_be_forked_and_read_as_a_stream(service: HttpService) -> None:
    source = await service.conversation()
    await service.turn(source, "Hello")
    forked = await fork(service, f"/api/conversations/{(await fork(service, source))['id']}")

    reply = forked["messages"][-1]
    stream = f"/api/conversations/{forked['id']}/messages/{reply['id']}/stream"
    response = await service.client.get(stream, headers=ALICE)

    assert response.status_code == 200
    assert '"token":"Hello"' in response.text.replace(" ", "")
