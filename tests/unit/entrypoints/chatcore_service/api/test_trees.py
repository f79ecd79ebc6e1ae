"""Edits, versions, choices and deletions by HTTP."""

from __future__ import annotations

import pytest
from tests.unit.entrypoints.chatcore_service.api.ownership import RANDOM_ID
from tests.unit.entrypoints.chatcore_service.http_service import ALICE, BOB, HttpService, Json
from tests.unit.entrypoints.chatcore_service.problem_fields import fields as problem_fields

ASYNC = {**ALICE, "Prefer": "respond-async"}


def contents(opened: Json) -> list[str]:
    return [message["content"] for message in opened["messages"]]


async def sent(service: HttpService, conversation: str, content: str, **fields: object) -> Json:
    """Sends a message and waits for the reply, which repeats it; returns the conversation."""
    body = {"content": content, **fields}
    response = await service.client.post(f"{conversation}/messages", json=body, headers=ALICE)
    assert response.status_code == 200
    return await service.open(conversation)


async def change(service: HttpService, conversation: str, **fields: object) -> Json:
    response = await service.client.patch(conversation, json=fields, headers=ALICE)
    assert response.status_code == 200
    document: Json = response.json()
    return document


# -- Edits -----------------------------------------------------------------------------------------------------------


async def test_an_edit_has_the_parent_of_the_message_that_it_replaces(service: HttpService) -> None:
    conversation = await service.conversation()
    first = await sent(service, conversation, "one")
    await sent(service, conversation, "two")

    opened = await sent(service, conversation, "zwei", parent_id=first["messages"][-1]["id"])

    assert contents(opened)[::2] == ["one", "zwei"]
    assert [len(message["versions"]) for message in opened["messages"]] == [1, 1, 2, 1]
    assert opened["messages"][2]["versions"][-1] == opened["messages"][2]["id"]
    assert opened["head_id"] == opened["messages"][-1]["id"]


async def test_null_is_the_root_and_absent_is_the_end(service: HttpService) -> None:
    conversation = await service.conversation()
    await sent(service, conversation, "one")

    at_root = await sent(service, conversation, "eins", parent_id=None)
    at_end = await sent(service, conversation, "zwei")

    assert contents(at_root)[::2] == ["eins"]
    assert contents(at_end)[::2] == ["eins", "zwei"]
    assert len(at_end["messages"][0]["versions"]) == 2


async def test_a_key_is_bound_to_the_place(service: HttpService) -> None:
    conversation = await service.conversation()
    first = await sent(service, conversation, "one")
    parent_id = first["messages"][-1]["id"]
    headers = {**ASYNC, "Idempotency-Key": "k"}

    async def send(**fields: object) -> tuple[int, str]:
        body = {"content": "two", **fields}
        response = await service.client.post(f"{conversation}/messages", json=body, headers=headers)
        return response.status_code, response.headers.get("location", "")

    before = await send(parent_id=parent_id)

    assert await send(parent_id=parent_id) == before == await send(parent_id=parent_id.replace("-", "").upper())
    assert [(await send(**fields))[0] for fields in ({}, {"parent_id": None})] == [422, 422]


# -- Versions --------------------------------------------------------------------------------------------------------


async def test_any_reply_is_regenerated(service: HttpService) -> None:
    conversation = await service.conversation()
    first = await sent(service, conversation, "one")
    await sent(service, conversation, "two")
    question, reply = (message["id"] for message in first["messages"])

    for message_id in (question, reply):
        response = await service.client.post(
            f"{conversation}/regenerate", json={"message_id": message_id}, headers=ALICE
        )
        assert response.status_code == 200

    opened = await service.open(conversation)
    assert [message["parent_id"] for message in opened["messages"]] == [None, question]
    assert len(opened["messages"][1]["versions"]) == 3
    assert opened["messages"][1]["versions"][0] == reply


async def test_every_document_of_a_message_has_its_versions(service: HttpService) -> None:
    conversation = await service.conversation()
    first = await sent(service, conversation, "one")
    path = await service.paused_reply(conversation)
    await service.client.post(f"{path}/stop", headers=ALICE)
    accepted = await service.client.post(f"{conversation}/regenerate", headers=ASYNC)
    reply = accepted.json()["assistant_message"]

    stopped = (await service.client.post(f"{path}/stop", headers=ALICE)).json()

    assert stopped["versions"] == reply["versions"] == [stopped["id"], reply["id"]]
    question = accepted.json()["user_message"]
    assert question["versions"] == [question["id"]]
    assert [len(message["versions"]) for message in first["messages"]] == [1, 1]


# -- Choices ---------------------------------------------------------------------------------------------------------


async def test_the_chosen_path_is_shown(service: HttpService) -> None:
    conversation = await service.conversation()
    await sent(service, conversation, "one")
    first = await sent(service, conversation, "two")
    await sent(service, conversation, "eins", parent_id=None)
    head_id = first["messages"][0]["id"]

    chosen = await change(service, conversation, head_id=head_id)
    only = await service.open(conversation)
    followed = await change(service, conversation, head_id=head_id, follow=True, title="Mine")
    whole = await service.open(conversation)

    assert (chosen["head_id"], contents(only)) == (head_id, ["one"])
    assert (followed["head_id"], followed["title"]) == (first["messages"][-1]["id"], "Mine")
    assert contents(whole) == contents(first)
    assert chosen["updated_at"] == followed["updated_at"]


async def test_null_leaves_the_head_where_it_is(service: HttpService) -> None:
    conversation = await service.conversation()
    before = await sent(service, conversation, "one")

    for follow in (True, None):
        assert (await change(service, conversation, head_id=None, follow=follow))["head_id"] == before["head_id"]


async def test_a_choice_does_not_end_a_reply_and_is_not_undone_by_its_end(service: HttpService) -> None:
    conversation = await service.conversation()
    before = await sent(service, conversation, "one")
    path = await service.paused_reply(conversation)

    chosen = await change(service, conversation, head_id=before["head_id"])
    stopped = await service.client.post(f"{path}/stop", headers=ALICE)

    assert chosen["active_reply_id"] == stopped.json()["id"]
    assert (stopped.json()["status"], stopped.json()["content"]) == ("stopped", "Hel")
    assert contents(await service.open(conversation)) == contents(before)


# -- Deletions -------------------------------------------------------------------------------------------------------


async def test_a_message_is_deleted_with_everything_below_it(service: HttpService) -> None:
    conversation = await service.conversation()
    first = await sent(service, conversation, "one")
    second = await sent(service, conversation, "two")
    message = f"{conversation}/messages/{second['messages'][2]['id']}"

    statuses = [(await service.client.delete(message, headers=ALICE)).status_code for _ in range(2)]

    opened = await service.open(f"{conversation}?branches=all")
    assert statuses == [204, 404]
    assert opened["messages"] == first["messages"]
    assert (opened["head_id"], opened["updated_at"]) == (first["head_id"], second["updated_at"])


async def test_nothing_is_deleted_while_a_reply_is_generated(service: HttpService) -> None:
    conversation = await service.conversation()
    first = await sent(service, conversation, "one")
    path = await service.paused_reply(conversation)

    for message in (path, f"{conversation}/messages/{first['head_id']}"):
        refused = await service.client.delete(message, headers=ALICE)
        assert (refused.status_code, refused.headers["location"]) == (409, f"{path}/stream")

    assert len((await service.open(conversation))["messages"]) == 4


async def test_a_key_of_a_deleted_message_begins_anew(service: HttpService) -> None:
    conversation = await service.conversation()
    headers = {**ALICE, "Idempotency-Key": "k"}
    for _ in range(2):
        await service.client.post(f"{conversation}/messages", json={"content": "one"}, headers=headers)
    opened = await service.open(conversation)
    await service.client.delete(f"{conversation}/messages/{opened['messages'][0]['id']}", headers=ALICE)

    await service.client.post(f"{conversation}/messages", json={"content": "one"}, headers=headers)

    again = await service.open(conversation)
    assert len(opened["messages"]) == len(again["messages"]) == 2
    assert again["messages"][0]["id"] != opened["messages"][0]["id"]


# -- Bad input -------------------------------------------------------------------------------------------------------

_NO_UUIDS: tuple[object, ...] = ("", "x", "3fa85f64", f"{{{RANDOM_ID}}}", 1, True, [], {})


@pytest.mark.parametrize(
    ("method", "path", "field"),
    [("POST", "/messages", "parent_id"), ("POST", "/regenerate", "message_id"), ("PATCH", "", "head_id")],
)
async def test_an_id_in_a_body_names_a_message_of_the_conversation(
    service: HttpService, method: str, path: str, field: str
) -> None:
    conversation, other, bobs = [await service.conversation(headers) for headers in (ALICE, ALICE, BOB)]
    await sent(service, conversation, "one")
    elsewhere = (await sent(service, other, "one"))["messages"]
    anothers = (await service.turn(bobs, headers=BOB))["messages"]
    before = await service.count_of_everything()
    content = {"content": "x"} if path == "/messages" else {}

    async def refused(value: object) -> Json:
        body = {**content, field: value}
        response = await service.client.request(method, f"{conversation}{path}", json=body, headers=ALICE)
        assert (response.status_code, problem_fields(response)) == (422, [field])
        document: Json = response.json()
        return document

    unknown = [await refused(id_) for id_ in (RANDOM_ID, *(message["id"] for message in elsewhere + anothers))]
    for malformed in _NO_UUIDS:
        await refused(malformed)
    # The id of the conversation is the one of no message.
    unknown.append(await refused(conversation.rpartition("/")[2]))

    assert all(document == unknown[0] for document in unknown)
    assert await service.count_of_everything() == before


@pytest.mark.parametrize("follow", [1, "true", []])
async def test_whether_to_follow_is_a_boolean(service: HttpService, follow: object) -> None:
    conversation = await service.conversation()

    response = await service.client.patch(conversation, json={"follow": follow}, headers=ALICE)

    assert (response.status_code, problem_fields(response)) == (422, ["follow"])
