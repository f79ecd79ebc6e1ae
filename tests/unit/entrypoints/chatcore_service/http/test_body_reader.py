"""Bodies that are refused for what they are: not JSON, not called JSON, encoded, too large."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

import pytest
from tests.unit.entrypoints.chatcore_service.http_service import ALICE, HttpService
from tests.unit.entrypoints.chatcore_service.problem_fields import fields

JSON = {**ALICE, "Content-Type": "application/json"}


async def test_a_body_that_is_no_object_is_a_422(service: HttpService) -> None:
    path = f"{await service.conversation()}/messages"
    bodies = (b"null", b"[]", b'"hi"', b"5", b"true", b'["content"]')
    answers = {body: await service.client.post(path, content=body, headers=JSON) for body in bodies}

    told = {body: (answer.status_code, fields(answer)) for body, answer in answers.items()}
    assert told == dict.fromkeys(bodies, (422, [""]))


async def test_the_problems_of_a_hostile_body_are_bounded(service: HttpService) -> None:
    # A name that is given twice is a problem, whatever the name.
    members = [f'"{number:05}{"x" * 200}":1' for number in range(500)]
    body = f"{{{','.join(members * 2)}}}".encode()
    path = f"{await service.conversation()}/messages"
    response = await service.client.post(path, content=body, headers=JSON)

    assert response.status_code == 422
    assert len(fields(response)) == 20
    assert {len(field) for field in fields(response)} == {100}
    assert response.json()["detail"].endswith("; and 495 more.")
    assert len(response.content) < 5000


async def test_what_a_name_is_escaped_to_is_bounded(service: HttpService) -> None:
    name = "\U0010ffff" * 10_000
    body = f'{{"{name}":1,"{name}":1}}'.encode()
    path = f"{await service.conversation()}/messages"
    response = await service.client.post(path, content=body, headers=JSON)

    assert fields(response) == ["\U0010ffff" * 100]
    assert len(response.content) < 4000


async def test_a_message_without_a_body_lacks_its_content(service: HttpService) -> None:
    response = await service.client.post(f"{await service.conversation()}/messages", headers=ALICE)

    assert response.status_code == 422
    assert fields(response) == ["content"]


async def statuses(service: HttpService, header: str, values: Iterable[str]) -> dict[str, int]:
    """Sends a message with each value of a header; returns the status of each response."""
    path = f"{await service.conversation()}/messages"
    responses = {
        value: await service.client.post(path, content=b'{"content":"hi"}', headers={**JSON, header: value})
        for value in values
    }
    return {value: response.status_code for value, response in responses.items()}


async def test_a_body_that_is_not_called_json_is_a_415(service: HttpService) -> None:
    content_types = (
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "application/json; charset=utf-7",
        "application/json; charset=latin-1",
        "application/jsonx",
        "",
    )

    assert await statuses(service, "Content-Type", content_types) == dict.fromkeys(content_types, 415)


async def test_json_may_say_that_it_is_utf_8(service: HttpService) -> None:
    content_types = ("application/json", "Application/JSON; charset=UTF-8", 'application/json;charset="utf-8"')

    assert await statuses(service, "Content-Type", content_types) == dict.fromkeys(content_types, 200)


async def test_the_encoding_identity_is_none(service: HttpService) -> None:
    encodings = ("identity", "Identity", " identity, identity", "")

    assert await statuses(service, "Content-Encoding", encodings) == dict.fromkeys(encodings, 200)


async def test_an_encoded_body_is_a_415_and_never_inflated(service: HttpService) -> None:
    encodings = ("gzip", "deflate", "br", "identity, gzip", "unknown")

    assert await statuses(service, "Content-Encoding", encodings) == dict.fromkeys(encodings, 415)


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
