"""Bodies, ids and methods that are refused: a problem document that names the field, and nothing stored."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.unit.http_service import ALICE, ROOT, HttpService, running_service

JSON = {**ALICE, "Content-Type": "application/json"}


@pytest.fixture
async def service() -> AsyncIterator[HttpService]:
    async with running_service() as service:
        yield service


def fields(response: httpx.Response) -> list[str]:
    assert response.headers["content-type"] == "application/problem+json"
    assert response.status_code == response.json()["status"]
    return [problem["field"] for problem in response.json().get("errors", [])]


# -- Limits, at their edge and one past it ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value"),
    [
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
        ("top_k", 0),
        ("top_k", 200),
    ],
)
async def test_a_message_is_taken_up_to_the_edge_of_each_limit(service: HttpService, field: str, value: object) -> None:
    conversation = await service.conversation()
    body = {"content": "hi"} | {field: value}

    response = await service.client.post(f"{conversation}/messages", json=body, headers=ALICE)
    assert response.status_code == 200
    assert (await service.open(conversation))["messages"][0]["content"] == body["content"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
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
        ("max_tokens", 1.0),
        ("max_tokens", "5"),
        ("max_tokens", True),
        ("max_tokens", 10**30),
        ("top_k", -1),
        ("top_k", 201),
        ("top_k", "5"),
        ("top_k", False),
        ("top_k", [1]),
        ("user_id", "bob"),
        ("role", "system"),
        ("status", "complete"),
        ("__proto__", {}),
        ("k" * 10_000, 1),
        ("\ud800", 1),
    ],
)
async def test_a_message_past_a_limit_or_of_another_type_is_refused_by_the_fields_name(
    service: HttpService, field: str, value: object
) -> None:
    conversation = await service.conversation()
    body = {"content": "hi"} | {field: value}

    response = await service.client.post(f"{conversation}/messages", content=json.dumps(body), headers=JSON)
    assert response.status_code == 422
    assert fields(response) == [field[:100]]
    assert await service.count_of_everything() == (1, 0)
    assert service.inference.calls == []


@pytest.mark.parametrize("path", ["/api/conversations", "{conversation}"])
@pytest.mark.parametrize(
    ("title", "status"),
    [("x", 0), ("x" * 500, 0), ("", 422), ("x" * 501, 422), ("\x00", 422), ("\ud800", 422), (5, 422)],
)
async def test_titles_have_1_to_500_characters(service: HttpService, path: str, title: object, status: int) -> None:
    path = path.format(conversation=await service.conversation())
    method, success = ("POST", 201) if path == "/api/conversations" else ("PUT", 200)

    response = await service.client.request(method, path, content=json.dumps({"title": title}), headers=JSON)
    assert response.status_code == (status or success)
    if status:
        assert fields(response) == ["title"]
        assert (await service.count_of_everything())[0] == 1


@pytest.mark.parametrize(("tag", "status"), [("x" * 100, 0), ("", 422), ("x" * 101, 422), ("\x00", 422), (True, 422)])
async def test_model_tags_have_1_to_100_characters(service: HttpService, tag: object, status: int) -> None:
    body = {"model_tag": tag}

    created = await service.client.post("/api/conversations", json=body, headers=ALICE)
    swapped = await service.client.post("/api/models/swap", json=body, headers=ROOT)
    assert (created.status_code, swapped.status_code) == (status or 201, status or 202)
    if status:
        assert fields(created) == fields(swapped) == ["model_tag"]


@pytest.mark.parametrize(
    ("body", "named"), [({}, ["title"]), ({"name": "x"}, ["name", "title"]), ({"title": None}, ["title"])]
)
async def test_a_rename_needs_a_title_and_takes_nothing_else(
    service: HttpService, body: dict[str, object], named: list[str]
) -> None:
    response = await service.client.put(await service.conversation(), json=body, headers=ALICE)

    assert response.status_code == 422
    assert sorted(fields(response)) == named


async def test_every_field_with_a_problem_is_named(service: HttpService) -> None:
    body = {"content": 1, "temperature": "x", "top_k": None, "more": 1}
    response = await service.client.post(f"{await service.conversation()}/messages", json=body, headers=ALICE)

    assert sorted(fields(response)) == ["content", "more", "temperature"]


OPERATIONS = {
    "send": ("POST", "{conversation}/messages"),
    "regenerate": ("POST", "{conversation}/regenerate"),
    "create": ("POST", "/api/conversations"),
    "rename": ("PUT", "{conversation}"),
    "swap": ("POST", "/api/models/swap"),
}


@pytest.mark.parametrize(
    ("operation", "body", "named"),
    [
        ("send", {"content": "", "temperature": 9, "zzz": 1}, ["content", "temperature", "zzz"]),
        ("send", {"content": "", "temperature": 9}, ["content", "temperature"]),
        ("send", {"temperature": -1, "max_tokens": 0, "top_k": "x"}, ["content", "max_tokens", "temperature", "top_k"]),
        ("send", {"content": "\x00", "max_tokens": 5000, "top_k": 201}, ["content", "max_tokens", "top_k"]),
        ("send", {"content": "hi", "max_tokens": 5000, "a": 1, "b": 2}, ["a", "b", "max_tokens"]),
        ("regenerate", {"temperature": 2.5, "top_k": -1, "content": "x"}, ["content", "temperature", "top_k"]),
        ("create", {"title": "", "model_tag": "x" * 101, "id": 1}, ["id", "model_tag", "title"]),
        ("create", {"title": 5, "model_tag": ""}, ["model_tag", "title"]),
        ("rename", {"title": "x" * 501, "user_id": "bob"}, ["title", "user_id"]),
        ("swap", {"model_tag": "", "force": True}, ["force", "model_tag"]),
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


# -- JSON ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'{"content":"hi",}',
        b'{"content":"hi"} {}',
        b"{'content':'hi'}",
        b'{"content":"hi"}//',
        b'{"content":"hi","temperature":NaN}',
        b'{"content":"hi","temperature":Infinity}',
        b'{"content":"hi","temperature":-Infinity}',
        b'{"content":"hi","top_k":' + b"1" * 5000 + b"}",
        b'\xef\xbb\xbf{"content":"hi"}',
        '{"content":"hi"}'.encode("utf-16"),
        b'{"content":"\xff"}',
        b'{"content":"\xc0\x80"}',
        b'{"content":"\xed\xa0\x80"}',
        b'{"content":"\xf4\x90\x80\x80"}',
        b'{"content":"\xe2\x82"}',
        b'{"content":"a\x00b"}',
        b'{"content":"a\nb"}',
        b"[" * 100_000,
        b'{"content":' * 20_000 + b"1" + b"}" * 20_000,
    ],
)
async def test_what_is_not_json_is_a_400(service: HttpService, body: bytes) -> None:
    response = await service.client.post(f"{await service.conversation()}/messages", content=body, headers=JSON)

    assert response.status_code == 400
    assert response.json()["code"] == "malformed_json"
    assert fields(response) == []
    assert await service.count_of_everything() == (1, 0)


@pytest.mark.parametrize("body", [b"null", b"[]", b'"hi"', b"5", b"true", b'["content"]'])
async def test_a_body_that_is_no_object_is_a_422(service: HttpService, body: bytes) -> None:
    response = await service.client.post(f"{await service.conversation()}/messages", content=body, headers=JSON)

    assert response.status_code == 422
    assert fields(response) == [""]


async def test_a_field_that_is_given_twice_is_refused_by_its_name(service: HttpService) -> None:
    body = b'{"content":"hi","content":"ho"}'
    response = await service.client.post(f"{await service.conversation()}/messages", content=body, headers=JSON)

    assert response.status_code == 422
    assert fields(response) == ["content"]


async def test_a_number_that_overflows_is_refused(service: HttpService) -> None:
    body = b'{"content":"hi","temperature":1e400}'
    response = await service.client.post(f"{await service.conversation()}/messages", content=body, headers=JSON)

    assert response.status_code == 422
    assert fields(response) == ["temperature"]


async def test_the_problems_of_a_hostile_body_are_bounded(service: HttpService) -> None:
    body = {"content": "hi"} | {f"{number:05}" + "x" * 200: 1 for number in range(1000)}
    response = await service.client.post(f"{await service.conversation()}/messages", json=body, headers=ALICE)

    assert response.status_code == 422
    assert len(fields(response)) == 20
    assert {len(field) for field in fields(response)} == {100}
    assert response.json()["detail"].endswith("; and 995 more.")
    assert len(response.content) < 5000


async def test_what_a_name_is_escaped_to_is_bounded(service: HttpService) -> None:
    body = {"content": "hi", "\U0010ffff" * 10_000: 1}
    response = await service.client.post(f"{await service.conversation()}/messages", json=body, headers=ALICE)

    assert fields(response) == ["\U0010ffff" * 100]
    assert len(response.content) < 4000


async def test_a_message_without_a_body_lacks_its_content(service: HttpService) -> None:
    response = await service.client.post(f"{await service.conversation()}/messages", headers=ALICE)

    assert response.status_code == 422
    assert fields(response) == ["content"]


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "application/json; charset=utf-7",
        "application/json; charset=latin-1",
        "application/jsonx",
        "",
    ],
)
async def test_a_body_that_is_not_called_json_is_a_415(service: HttpService, content_type: str) -> None:
    response = await service.client.post(
        f"{await service.conversation()}/messages",
        content=b'{"content":"hi"}',
        headers={**ALICE, "Content-Type": content_type},
    )

    assert response.status_code == 415


@pytest.mark.parametrize(
    "content_type", ["application/json", "Application/JSON; charset=UTF-8", 'application/json;charset="utf-8"']
)
async def test_json_may_say_that_it_is_utf_8(service: HttpService, content_type: str) -> None:
    response = await service.client.post(
        f"{await service.conversation()}/messages",
        content=b'{"content":"hi"}',
        headers={**ALICE, "Content-Type": content_type},
    )

    assert response.status_code == 200


@pytest.mark.parametrize("encoding", ["identity", "Identity", " identity, identity", ""])
async def test_the_encoding_identity_is_none(service: HttpService, encoding: str) -> None:
    headers = {**JSON, "Content-Encoding": encoding}
    response = await service.client.post(
        f"{await service.conversation()}/messages", content=b'{"content":"hi"}', headers=headers
    )

    assert response.status_code == 200


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "identity, gzip", "unknown"])
async def test_an_encoded_body_is_a_415_and_never_inflated(service: HttpService, encoding: str) -> None:
    headers = {**JSON, "Content-Encoding": encoding}
    response = await service.client.post(
        f"{await service.conversation()}/messages", content=b'{"content":"hi"}', headers=headers
    )

    assert response.status_code == 415


@pytest.mark.parametrize(("size", "status"), [(256 * 1024, 200), (256 * 1024 + 1, 413)])
@pytest.mark.parametrize("says_its_length", [True, False])
async def test_a_body_has_at_most_256_kibibytes(
    service: HttpService, size: int, status: int, *, says_its_length: bool
) -> None:
    body = b'{"content":"hi"}'.ljust(size)

    async def parts() -> AsyncIterator[bytes]:
        for start in range(0, size, 50_000):
            yield body[start : start + 50_000]

    content = body if says_its_length else parts()
    response = await service.client.post(f"{await service.conversation()}/messages", content=content, headers=JSON)
    assert response.status_code == status


# -- Paths and methods -----------------------------------------------------------------------------------------------

MALFORMED_IDS = [
    "x",
    "0",
    "-",
    "%20",
    "%00",
    "%F0%9F%98%80",
    "{3fa85f64-5717-4562-b3fc-2c963f66afa6}",
    "urn:uuid:3fa85f64-5717-4562-b3fc-2c963f66afa6",
    "3fa85f6457174562b3fc2c963f66afa6",
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


async def test_an_id_may_be_in_upper_case(service: HttpService) -> None:
    conversation = await service.conversation()
    upper = "/api/conversations/" + conversation[-36:].upper()

    assert (await service.client.get(upper, headers=ALICE)).status_code == 200


@pytest.mark.parametrize(
    "path",
    ["/", "/api", "/api/", "/api/conversations/", "/api//conversations", "//api/health", "/api/nothing", "/API/health"],
)
async def test_an_unknown_path_is_a_problem_document(service: HttpService, path: str) -> None:
    response = await service.client.get(f"http://chat.test{path}", headers=ALICE)

    assert response.status_code == 404
    assert fields(response) == []
    assert response.json()["code"] == "not_found"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PATCH", "/api/conversations", "GET, HEAD, POST"),
        ("DELETE", "/api/conversations", "GET, HEAD, POST"),
        ("POST", "/api/conversations/x", "DELETE, GET, HEAD, PUT"),
        ("GET", "/api/conversations/x/messages", "POST"),
        ("GET", "/api/conversations/x/regenerate", "POST"),
        ("HEAD", "/api/conversations/x/messages/y/stream", "GET"),
        ("GET", "/api/conversations/x/messages/y/stop", "POST"),
        ("TRACE", "/api/models", "GET, HEAD"),
        ("OPTIONS", "/api/models/swap", "POST"),
        ("POST", "/api/health", "GET, HEAD"),
    ],
)
async def test_a_method_that_a_path_does_not_know_is_told_which_it_knows(
    service: HttpService, method: str, path: str, allowed: str
) -> None:
    response = await service.client.request(method, path, headers=ALICE)

    assert response.status_code == 405
    assert response.headers["allow"] == allowed
    assert response.headers["content-type"] == "application/problem+json"
