"""JSON is read strictly: what other parsers let pass is refused."""

from __future__ import annotations

from tests.unit.entrypoints.chatcore_service.http_service import ALICE, HttpService
from tests.unit.entrypoints.chatcore_service.problem_fields import fields

JSON = {**ALICE, "Content-Type": "application/json"}


MALFORMED_BODIES = (
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
)


async def test_what_is_not_json_is_a_400(service: HttpService) -> None:
    path = f"{await service.conversation()}/messages"
    answers = {body: await service.client.post(path, content=body, headers=JSON) for body in MALFORMED_BODIES}

    told = {body: (answer.status_code, answer.json()["code"], fields(answer)) for body, answer in answers.items()}
    assert told == dict.fromkeys(MALFORMED_BODIES, (400, "malformed_json", []))
    assert await service.count_of_everything() == (1, 0)


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
