"""Decoding: a value past a limit or of another type is refused by its field's name, and nothing is stored."""

import json
from collections.abc import Mapping
from typing import Annotated, Literal

import pytest
from attrs import frozen
from starlette.datastructures import QueryParams
from tests.unit.entrypoints.chatcore_service.http_service import ALICE, ROOT, HttpService
from tests.unit.entrypoints.chatcore_service.problem_fields import fields

from chatcore.errors import InvalidInputError
from chatcore.input_limits import InputLimits
from chatcore_service.http.decoding import decode_body, decode_query
from chatcore_service.http.fields import Doc, Rule

JSON = {**ALICE, "Content-Type": "application/json"}


def case_name(field: str, value: object) -> str:
    return f"{field}={value!r:.100}"


GOOD_FIELDS: tuple[tuple[str, object], ...] = (
    ("content", "x"),
    ("content", " "),
    ("content", "x" * 8000),
    ("content", "😀" * 8000),
    ("content", "\ufeff\u2028\u0085\ufffe\u202e\r\n\ndata: [DONE]\n\n'; -- %s {} $1 <script>"),
    ("temperature", 0),
    ("temperature", 0.0),
    ("temperature", 2),
    ("temperature", 2.0),
    ("max_tokens", 1),
    ("max_tokens", 4096),
    ("max_tokens", 5.0),
    ("top_k", 0),
    ("top_k", 200),
)


async def test_a_message_is_taken_up_to_the_edge_of_each_limit(service: HttpService) -> None:
    taken: dict[str, tuple[int, str]] = {}
    for field, value in GOOD_FIELDS:
        conversation = await service.conversation()
        body = {"content": "hi"} | {field: value}
        response = await service.client.post(f"{conversation}/messages", json=body, headers=ALICE)
        content = (await service.open(conversation))["messages"][0]["content"]
        taken[case_name(field, value)] = (response.status_code, content)

    assert taken == {
        case_name(field, value): (200, value if field == "content" else "hi") for field, value in GOOD_FIELDS
    }


BAD_FIELDS: tuple[tuple[str, object], ...] = (
    ("content", ""),
    ("content", "x" * 8001),
    ("content", "a\x00b"),
    ("content", "\ud83d"),
    ("content", "\udc00\ud800"),
    ("content", None),
    ("content", 5),
    ("content", ["hi"]),
    ("content", {"text": "hi"}),
    ("temperature", -0.1),
    ("temperature", 2.01),
    ("temperature", "1"),
    ("temperature", True),
    ("temperature", 10**400),
    ("max_tokens", 0),
    ("max_tokens", 4097),
    ("max_tokens", 1.5),
    ("max_tokens", "5"),
    ("max_tokens", True),
    ("max_tokens", 10**30),
    ("top_k", -1),
    ("top_k", 201),
    ("top_k", "5"),
    ("top_k", False),
    ("top_k", [1]),
)


async def test_a_field_past_a_limit_or_of_another_type_is_refused_by_name(service: HttpService) -> None:
    path = f"{await service.conversation()}/messages"
    told: dict[str, tuple[int, list[str]]] = {}
    for field, value in BAD_FIELDS:
        body = json.dumps({"content": "hi"} | {field: value})
        response = await service.client.post(path, content=body, headers=JSON)
        told[case_name(field, value)] = (response.status_code, fields(response))

    assert told == {case_name(field, value): (422, [field]) for field, value in BAD_FIELDS}
    assert await service.count_of_everything() == (1, 0)
    assert service.inference.calls == []


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
@pytest.mark.parametrize(
    ("title", "status"),
    [("x", 0), ("x" * 500, 0), ("", 422), ("x" * 501, 422), ("\x00", 422), ("\ud800", 422), (5, 422)],
)
async def test_titles_have_1_to_500_characters(service: HttpService, method: str, title: object, status: int) -> None:
    conversation = await service.conversation()
    if (method, title) == ("POST", ""):
        status = 0  # It counts as none.
    path, success = ("/api/conversations", 201) if method == "POST" else (conversation, 200)

    response = await service.client.request(method, path, content=json.dumps({"title": title}), headers=JSON)
    assert response.status_code == (status or success)
    if status:
        assert fields(response) == ["title"]
        assert (await service.count_of_everything())[0] == 1


@pytest.mark.parametrize(("tag", "status"), [("x" * 100, 0), ("x" * 101, 422), ("\x00", 422), (True, 422)])
async def test_model_tags_have_1_to_100_characters(service: HttpService, tag: object, status: int) -> None:
    body = {"model_tag": tag}

    created = await service.client.post("/api/conversations", json=body, headers=ALICE)
    swapped = await service.client.post("/api/models/swap", json=body, headers=ROOT)
    assert (created.status_code, swapped.status_code) == (status or 201, status or 202)
    if status:
        assert fields(created) == fields(swapped) == ["model_tag"]


@pytest.mark.parametrize(("body", "named"), [({}, ["title"]), ({"name": "x"}, ["title"]), ({"title": None}, ["title"])])
async def test_a_rename_needs_a_title(service: HttpService, body: dict[str, object], named: list[str]) -> None:
    response = await service.client.put(await service.conversation(), json=body, headers=ALICE)

    assert response.status_code == 422
    assert sorted(fields(response)) == named


async def test_every_field_with_a_problem_is_named(service: HttpService) -> None:
    body = {"content": 1, "temperature": "x", "top_k": None, "more": 1}
    response = await service.client.post(f"{await service.conversation()}/messages", json=body, headers=ALICE)

    assert sorted(fields(response)) == ["content", "temperature"]


OPERATIONS = {
    "send": ("POST", "{conversation}/messages"),
    "regenerate": ("POST", "{conversation}/regenerate"),
    "create": ("POST", "/api/conversations"),
    "rename": ("PUT", "{conversation}"),
    "change": ("PATCH", "{conversation}"),
    "swap": ("POST", "/api/models/swap"),
}


@pytest.mark.parametrize(
    ("operation", "body", "named"),
    [
        ("send", {"content": "", "temperature": 9, "zzz": 1}, ["content", "temperature"]),
        ("send", {"content": "", "temperature": 9}, ["content", "temperature"]),
        ("send", {"temperature": -1, "max_tokens": 0, "top_k": "x"}, ["content", "max_tokens", "temperature", "top_k"]),
        ("send", {"content": "\x00", "max_tokens": 5000, "top_k": 201}, ["content", "max_tokens", "top_k"]),
        ("send", {"content": "hi", "max_tokens": 5000, "a": 1, "b": 2}, ["max_tokens"]),
        ("regenerate", {"temperature": 2.5, "top_k": -1, "content": "x"}, ["temperature", "top_k"]),
        ("create", {"title": "\x00", "model_tag": "x" * 101, "id": 1}, ["id", "model_tag", "title"]),
        ("create", {"title": 5, "model_tag": False}, ["model_tag", "title"]),
        ("rename", {"title": "x" * 501, "user_id": "bob"}, ["title"]),
        ("change", {"title": "", "user_id": "bob"}, ["title"]),
        ("swap", {"model_tag": "", "force": True}, ["model_tag"]),
    ],
)
async def test_each_wrong_field_is_named_whatever_is_wrong_with_it(
    service: HttpService, operation: str, body: dict[str, object], named: list[str]
) -> None:
    method, path = OPERATIONS[operation]
    path = path.format(conversation=await service.conversation(ROOT))

    response = await service.client.request(method, path, json=body, headers=ROOT)
    assert response.status_code == 422
    assert sorted(fields(response)) == named
    assert all(name in response.json()["detail"] for name in named)


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        # What the frontend of the service that people have today sends with every message.
        ("send", {"content": "Hi", "thinking_mode": False, "force_web_search": False}),
        ("regenerate", {"thinking_mode": True}),
        ("create", {"folder": {"id": 1}}),
        ("create", {"role": "system", "status": "failed", "__proto__": {"is_admin": True}}),
        ("send", {"content": "Hi", "\ud800": 1, "k" * 200_000: 1}),
        ("rename", {"title": "x", "__class__": "x"}),
        ("swap", {"model_tag": "x", "force": True}),
    ],
)
async def test_a_field_that_is_not_known_is_ignored(
    service: HttpService, operation: str, body: dict[str, object]
) -> None:
    method, path = OPERATIONS[operation]
    conversation = await service.conversation(ROOT)
    await service.turn(conversation, headers=ROOT)

    # The client's own encoder refuses lone surrogates.
    response = await service.client.request(
        method,
        path.format(conversation=conversation),
        content=json.dumps(body),
        headers={**ROOT, "Content-Type": "application/json"},
    )
    assert response.is_success


# Fields of a conversation that no request for a change sets, with values that a caller may not give itself.
FORGED: Mapping[str, object] = {
    "user_id": "bob",
    "id": "3fa85f64-5717-4562-b3fc-2c963f66afa6",
    "created_at": "2000-01-01T00:00:00Z",
    "updated_at": "2000-01-01T00:00:00Z",
    "next_position": 100,
    "active_reply_id": "3fa85f64-5717-4562-b3fc-2c963f66afa6",
}


async def test_nobody_sets_the_fields_of_a_new_conversation_that_are_not_theirs(service: HttpService) -> None:
    body = {"title": "Mine", **FORGED, "id": None, "is_pinned": True}
    created = (await service.client.post("/api/conversations", json=body, headers=ALICE)).json()

    assert (created["title"], created["user_id"], created["is_pinned"]) == ("Mine", "alice", False)
    assert [name for name, forged in FORGED.items() if created.get(name) == forged] == []


@pytest.mark.parametrize(
    ("operation", "body", "changed"),
    [
        ("rename", {"title": "x", "is_pinned": True, "model_tag": "y"}, {"title": "x"}),
        ("change", {"title": "x", "title_source": "default"}, {"title": "x"}),
        ("change", {}, {}),
    ],
)
async def test_nobody_changes_the_fields_of_a_conversation_that_are_not_theirs(
    service: HttpService, operation: str, body: dict[str, object], changed: dict[str, object]
) -> None:
    method, path = OPERATIONS[operation]
    conversation = await service.conversation()
    await service.turn(conversation)
    before = await service.open(conversation)

    answer = await service.client.request(
        method, path.format(conversation=conversation), json={**FORGED, **body}, headers=ALICE
    )

    assert answer.is_success
    assert await service.open(conversation) == {**before, **changed}


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("limit=x&offset=-1", ["limit", "offset"]),
        ("limit=201&offset=-1", ["limit", "offset"]),
        ("limit=0&limit=1&cursor=!", ["cursor", "limit"]),
        ("limit=0&offset=y&cursor=z", ["cursor", "limit", "offset"]),
    ],
)
async def test_each_wrong_parameter_is_named(service: HttpService, query: str, named: list[str]) -> None:
    response = await service.client.get(f"/api/conversations?{query}", headers=ALICE)

    assert response.status_code == 422
    assert sorted(fields(response)) == named


# -- Any class of fields ---------------------------------------------------------------------------------------------


@frozen(kw_only=True)
class Body:
    text: str
    flag: bool = False
    whole: int = 1
    number: float | None = None


@frozen(kw_only=True)
class Query:
    text: str = "default"
    choice: Annotated[Literal["a", "b"], Doc("Either.")] = "a"


def problems_of(error: InvalidInputError) -> list[str]:
    return [f"{problem.field} {problem.problem}" for problem in error.problems]


def test_a_field_without_annotations_is_decoded_strictly_too() -> None:
    assert decode_body(b'{"text":"5","flag":true,"whole":2.0,"number":3}', Body, InputLimits()) == Body(
        text="5", flag=True, whole=2, number=3.0
    )
    with pytest.raises(InvalidInputError) as caught:
        decode_body(b'{"text":5,"flag":1,"whole":"2","number":true}', Body, InputLimits())
    assert problems_of(caught.value) == [
        "text must be a string",
        "flag must be true or false",
        "whole must be a whole number",
        "number must be a number",
    ]


def test_a_query_ignores_parameters_that_it_does_not_have() -> None:
    assert decode_query(QueryParams("text=x&more=1&more=2"), Query) == Query(text="x")


class CountedParameters(QueryParams):
    """Counts how often the values of a name are searched for."""

    searches = 0

    def getlist(self, key: str) -> list[str]:
        self.searches += 1
        return super().getlist(key)


def test_the_work_on_a_query_does_not_grow_with_the_number_of_other_parameters() -> None:
    parameters = CountedParameters([("text", "x"), *((f"n{number}", "") for number in range(4000))])

    assert decode_query(parameters, Query) == Query(text="x")
    assert parameters.searches == 1


def test_a_query_names_each_problem_in_the_order_of_its_fields() -> None:
    with pytest.raises(InvalidInputError) as caught:
        decode_query(QueryParams("choice=c&text=x&text=y"), Query)
    assert problems_of(caught.value) == ["text must be given once", "choice must be a or b"]


def _broken_rule(value: str) -> None:
    raise {"lookup": KeyError, "value": ValueError}[value]


@frozen(kw_only=True)
class BrokenBody:
    text: Annotated[str, Rule(_broken_rule)]


@pytest.mark.parametrize(("text", "error"), [("lookup", KeyError), ("value", ValueError)])
def test_a_bug_in_a_rule_is_not_told_as_the_fault_of_the_caller(text: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        decode_body(json.dumps({"text": text}).encode(), BrokenBody, InputLimits())
