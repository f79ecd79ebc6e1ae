"""Conversations over HTTP: the shapes of the contract."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from tests.unit.entrypoints.chatcore_service.http_service import ALICE, BOB, HttpService
from tests.unit.entrypoints.chatcore_service.problem_fields import fields

from chatcore import UserId
from chatcore.errors import (
    InferenceError,
    InferenceKeyRefusedError,
    InferenceTimeoutError,
    InferenceUnreachableError,
    ModelsRefusedError,
)
from chatcore.testing.samples import CHANGED_VALUES, a_conversation


async def test_a_new_conversation_has_the_default_title_and_model(service: HttpService) -> None:
    response = await service.client.post("/api/conversations", headers=ALICE)

    document = response.json()
    assert response.status_code == 201
    assert response.headers["location"] == f"/api/conversations/{document['id']}"
    assert document.keys() >= {"id", "user_id", "title", "model_tag", "created_at", "updated_at"}
    assert (document["title"], document["model_tag"], document["user_id"]) == ("New conversation", "default", "alice")


async def test_a_conversation_can_be_given_a_title_and_a_model(service: HttpService) -> None:
    body = {"title": "Holidays", "model_tag": "eliza"}
    response = await service.client.post("/api/conversations", json=body, headers=ALICE)

    document = response.json()
    assert (document["title"], document["model_tag"]) == ("Holidays", "eliza")


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ({}, None),
        ({"instructions": None}, None),
        ({"instructions": ""}, None),
        ({"instructions": "Answer in verse."}, "Answer in verse."),
    ],
)
async def test_a_conversation_can_be_given_instructions(
    service: HttpService, body: dict[str, str | None], shown: str | None
) -> None:
    response = await service.client.post("/api/conversations", json=body, headers=ALICE)

    document = response.json()
    assert (response.status_code, document["instructions"]) == (201, shown)
    assert (await service.open(response.headers["location"]))["instructions"] == shown
    listed = (await service.client.get("/api/conversations", headers=ALICE)).json()["items"]
    assert [item["instructions"] for item in listed] == [shown]


@pytest.mark.parametrize("cleared", [None, "", " "])
async def test_instructions_can_be_changed_and_cleared(service: HttpService, cleared: str | None) -> None:
    path = await service.conversation()
    before = await service.open(path)

    shown = [
        (await service.client.patch(path, json=body, headers=ALICE)).json()
        for body in ({"instructions": "Rhyme."}, {}, {"is_pinned": True}, {"instructions": cleared})
    ]

    assert [document["instructions"] for document in shown] == ["Rhyme.", "Rhyme.", "Rhyme.", None]
    assert {document["updated_at"] for document in shown} == {before["updated_at"]}


async def test_a_conversation_may_get_any_model_that_the_service_lists(service: HttpService) -> None:
    service.inference.offered = frozenset({"small", "large"})
    path = await service.conversation()
    before = await service.open(path)

    shown = [
        (await service.client.patch(path, json=body, headers=ALICE)).json()
        for body in ({"model_tag": "large"}, {}, {"model_tag": None}, {"model_tag": "small"}, {"model_tag": "default"})
    ]

    assert [document["model_tag"] for document in shown] == ["large", "large", "large", "small", "default"]
    assert {document["updated_at"] for document in shown} == {before["updated_at"]}


async def test_a_model_that_is_not_listed_is_refused(service: HttpService) -> None:
    service.inference.offered = frozenset({"small"})
    path = await service.conversation()

    response = await service.client.patch(path, json={"model_tag": "huge", "title": "Sea"}, headers=ALICE)

    assert response.status_code == 422
    assert response.json()["errors"] == [
        {"field": "model_tag", "problem": "must be a model that the inference service lists"}
    ]
    assert (await service.open(path))["title"] == "New conversation"


@pytest.mark.parametrize(
    ("failure", "status", "code"),
    [
        (InferenceUnreachableError(), 503, "inference_unreachable"),
        (InferenceTimeoutError(), 503, "inference_timeout"),
        (ModelsRefusedError(b"secret", status=404), 503, "inference_error"),
        (InferenceKeyRefusedError(), 502, "inference_key_refused"),
    ],
)
async def test_without_the_list_of_models_no_model_is_changed(
    service: HttpService, failure: InferenceError, status: int, code: str
) -> None:
    service.inference.models = failure
    path = await service.conversation()

    response = await service.client.patch(path, json={"model_tag": "small"}, headers=ALICE)

    assert (response.status_code, response.json()["code"]) == (status, code)
    assert (await service.open(path))["model_tag"] == "default"
    assert (await service.client.patch(path, json={"model_tag": "default"}, headers=ALICE)).status_code == 200


async def test_a_rename_leaves_the_instructions_alone(service: HttpService) -> None:
    path = await service.conversation()
    await service.client.patch(path, json={"instructions": "Rhyme."}, headers=ALICE)

    body = {"title": "Sea", "instructions": "Forget that."}
    renamed = (await service.client.put(path, json=body, headers=ALICE)).json()

    assert (renamed["title"], renamed["instructions"]) == ("Sea", "Rhyme.")


@pytest.mark.parametrize("instructions", ["x" * 8001, "a\x00b", 5, True, ["x"], {"x": 1}])
async def test_instructions_that_are_no_text_within_the_limit_are_refused(
    service: HttpService, instructions: object
) -> None:
    path = await service.conversation()
    body = {"instructions": instructions}

    answers = [
        await service.client.post("/api/conversations", json=body, headers=ALICE),
        await service.client.patch(path, json={"title": "Sea", **body}, headers=ALICE),
    ]

    assert [(answer.status_code, fields(answer)) for answer in answers] == [(422, ["instructions"])] * 2
    assert (await service.open(path))["title"] == "New conversation"


@pytest.mark.parametrize("body", [{}, {"title": None}, {"title": None, "model_tag": None}])
async def test_what_is_null_counts_as_left_out(service: HttpService, body: dict[str, None]) -> None:
    response = await service.client.post("/api/conversations", json=body, headers=ALICE)

    assert response.json()["title"] == "New conversation"


@pytest.mark.parametrize(
    ("given", "shown"), [("", "New conversation"), ("New chat", "New chat"), ("New conversation", "New conversation")]
)
async def test_the_first_message_replaces_a_title_that_stands_for_none(
    service: HttpService, given: str, shown: str
) -> None:
    created = (await service.client.post("/api/conversations", json={"title": given}, headers=ALICE)).json()

    opened = await service.turn(f"/api/conversations/{created['id']}", "Tell me")

    assert (created["title"], opened["title"]) == (shown, "Tell me")


async def test_an_empty_model_tag_stands_for_the_default(service: HttpService) -> None:
    created = await service.client.post("/api/conversations", json={"model_tag": ""}, headers=ALICE)

    assert (created.status_code, created.json()["model_tag"]) == (201, "default")


async def test_an_open_conversation_has_its_messages_oldest_first(service: HttpService) -> None:
    opened = await service.turn(await service.conversation(), "Tell me")

    question, reply = opened["messages"]
    assert (question["role"], question["content"], question["parent_id"]) == ("user", "Tell me", None)
    assert (reply["role"], reply["content"], reply["parent_id"]) == ("assistant", "Hello", question["id"])
    assert (reply["status"], reply["token_count"], reply["model_tag"]) == ("complete", 1, "default")
    assert reply["inference_time_ms"] >= 0
    assert opened["title"] == "Tell me"


async def test_only_the_active_branch_is_shown_unless_all_are_asked_for(service: HttpService) -> None:
    conversation = await service.conversation()
    await service.turn(conversation)
    await service.client.post(f"{conversation}/regenerate", headers=ALICE)

    active = await service.open(conversation)
    everything = await service.open(f"{conversation}?branches=all")
    assert len(active["messages"]) == 2
    assert len(everything["messages"]) == 3


async def test_renaming_answers_with_the_new_title(service: HttpService) -> None:
    response = await service.client.put(await service.conversation(), json={"title": "Sea"}, headers=ALICE)

    assert response.status_code == 200
    assert response.json()["title"] == "Sea"


@pytest.mark.parametrize("name", CHANGED_VALUES)
async def test_a_change_of_one_field_leaves_the_others_alone(service: HttpService, name: str) -> None:
    path = await service.conversation()
    before = await service.open(path)

    response = await service.client.patch(path, json={name: CHANGED_VALUES[name]}, headers=ALICE)

    assert response.status_code == 200
    assert {**response.json(), "messages": []} == {**before, name: CHANGED_VALUES[name]} == await service.open(path)


@pytest.mark.parametrize("body", [{}, dict.fromkeys(CHANGED_VALUES)])
async def test_no_changes_leave_a_conversation_as_it_is(service: HttpService, body: dict[str, None]) -> None:
    path = await service.conversation()
    before = await service.open(path)

    response = await service.client.patch(path, json=body, headers=ALICE)

    assert {**response.json(), "messages": []} == before


async def test_a_deleted_conversation_is_gone(service: HttpService) -> None:
    conversation = await service.conversation()

    response = await service.client.delete(conversation, headers=ALICE)
    again = await service.client.delete(conversation, headers=ALICE)
    assert (response.status_code, response.content) == (204, b"")
    assert again.status_code == 404


async def test_all_conversations_are_deleted_at_once(service: HttpService) -> None:
    for _ in range(12):
        await service.conversation()
    await service.paused_reply(await service.conversation())
    await service.turn(await service.conversation(BOB), headers=BOB)

    for _ in range(2):
        response = await service.client.delete("/api/conversations", headers={**ALICE, "X-Confirm": "delete-all"})
        assert (response.status_code, response.content) == (204, b"")
        assert await service.count_of_everything() == (0, 0)
    assert await service.count_of_everything(BOB) == (1, 2)


@pytest.mark.parametrize("confirmations", [[], [""], ["yes"], ["Delete-All"], ["delete-all", "delete-all"]])
async def test_nothing_is_deleted_without_the_confirmation(service: HttpService, confirmations: list[str]) -> None:
    await service.conversation()
    headers = [*ALICE.items(), *(("X-Confirm", value) for value in confirmations)]

    response = await service.client.delete("/api/conversations", headers=headers)

    assert (response.status_code, response.json()["code"]) == (400, "not_confirmed")
    assert await service.count_of_everything() == (1, 0)


async def test_a_list_is_newest_first_and_grouped_by_day(service: HttpService) -> None:
    first, second = await service.conversation(), await service.conversation()

    document = (await service.client.get("/api/conversations", headers=ALICE)).json()
    assert [item["id"] for item in document["items"]] == [second[-36:], first[-36:]]
    assert list(document["grouped"].values()) == [document["items"]]
    assert list(document["grouped"]) == [document["items"][0]["updated_at"][:10]]
    assert (document["limit"], document["offset"], document["next_cursor"]) == (50, 0, None)


async def test_each_day_of_a_list_has_its_own_conversations(service: HttpService) -> None:
    midnight = datetime(2026, 3, 1, tzinfo=UTC)
    instants = [midnight - timedelta(microseconds=1), midnight, midnight + timedelta(hours=23, minutes=59)]
    older, newer, newest = [a_conversation(UserId("alice"), at=instant) for instant in instants]
    for conversation in (older, newer, newest):
        await service.storage.create_conversation(conversation)

    document = (await service.client.get("/api/conversations", headers=ALICE)).json()
    first, second, third = document["items"]
    assert [item["id"] for item in document["items"]] == [str(each.id) for each in (newest, newer, older)]
    assert list(document["grouped"].items()) == [("2026-03-01", [first, second]), ("2026-02-28", [third])]


async def test_a_list_of_nothing_has_no_days(service: HttpService) -> None:
    document = (await service.client.get("/api/conversations", headers=ALICE)).json()

    assert (document["items"], document["grouped"]) == ([], {})


async def test_a_cursor_leads_to_the_next_page_and_the_last_page_has_none(service: HttpService) -> None:
    made = [(await service.conversation())[-36:] for _ in range(3)]

    first = (await service.client.get("/api/conversations?limit=2", headers=ALICE)).json()
    path = f"/api/conversations?limit=2&cursor={first['next_cursor']}"
    second = (await service.client.get(path, headers=ALICE)).json()
    assert [item["id"] for item in first["items"] + second["items"]] == made[::-1]
    assert second["next_cursor"] is None


async def test_a_cursor_takes_the_place_of_an_offset(service: HttpService) -> None:
    made = [(await service.conversation())[-36:] for _ in range(3)]
    first = (await service.client.get("/api/conversations?limit=1", headers=ALICE)).json()

    path = f"/api/conversations?offset=1&cursor={first['next_cursor']}"
    document = (await service.client.get(path, headers=ALICE)).json()
    assert [item["id"] for item in document["items"]] == made[1::-1]
    assert document["offset"] == 0


async def test_an_offset_passes_over_what_is_newer(service: HttpService) -> None:
    oldest = (await service.conversation())[-36:]
    await service.conversation()

    document = (await service.client.get("/api/conversations?offset=1", headers=ALICE)).json()
    assert [item["id"] for item in document["items"]] == [oldest]
    assert document["offset"] == 1


#: By query: the parameter that is refused.
MALFORMED_QUERIES = {
    "limit=0": "limit",
    "limit=201": "limit",
    "limit=-1": "limit",
    "limit=abc": "limit",
    "limit=": "limit",
    "limit=1_0": "limit",
    "limit=%D9%A1": "limit",
    "limit=1e2": "limit",
    "limit=1.0": "limit",
    "limit=5&limit=6": "limit",
    "limit=" + "9" * 5000: "limit",
    "offset=-1": "offset",
    "offset=9223372036854775808": "offset",
    "offset=99999999999999999999": "offset",
    "offset=%00": "offset",
    "cursor=": "cursor",
    "cursor=forged": "cursor",
    "cursor=%F0%9F%98%80": "cursor",
    "cursor=" + "A" * 5000: "cursor",
    "cursor=01-3fa85f64-5717-4562-b3fc-2c963f66afa6": "cursor",
    "cursor=10000000000000000-3fa85f64-5717-4562-b3fc-2c963f66afa6": "cursor",
    "cursor=-1-3fa85f64-5717-4562-b3fc-2c963f66afa6": "cursor",
    "cursor=1-3FA85F64-5717-4562-B3FC-2C963F66AFA6": "cursor",
    "cursor=1-3fa85f64-5717-4562-b3fc-2c963f66afa6%0A": "cursor",
    "offset=0&cursor=x": "cursor",
}


async def test_a_malformed_list_parameter_is_refused_by_its_name(service: HttpService) -> None:
    answers = {
        query: await service.client.get(f"/api/conversations?{query}", headers=ALICE) for query in MALFORMED_QUERIES
    }

    told = {query: (answer.status_code, fields(answer)) for query, answer in answers.items()}
    assert told == {query: (422, [field]) for query, field in MALFORMED_QUERIES.items()}


async def test_list_parameters_are_taken_up_to_their_edges(service: HttpService) -> None:
    queries = (
        "limit=1",
        "limit=200",
        "offset=0",
        "offset=9223372036854775807",
        "cursor=0-00000000-0000-0000-0000-000000000000",
        "cursor=9999999999999999-ffffffff-ffff-ffff-ffff-ffffffffffff",
        "unknown=1",
    )
    answers = {query: await service.client.get(f"/api/conversations?{query}", headers=ALICE) for query in queries}

    assert {query: answer.status_code for query, answer in answers.items()} == dict.fromkeys(queries, 200)


async def test_branches_are_active_or_all(service: HttpService) -> None:
    conversation = await service.conversation()

    statuses = [
        (await service.client.get(f"{conversation}?branches={branches}", headers=ALICE)).status_code
        for branches in ("active", "all", "some", "")
    ]
    assert statuses == [200, 200, 422, 422]
