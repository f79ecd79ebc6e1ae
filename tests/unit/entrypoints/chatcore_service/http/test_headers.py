"""Headers: white space around a value is no part of it (RFC 9110, section 5.5)."""

from __future__ import annotations

from tests.unit.entrypoints.chatcore_service.http_service import ALICE, HttpService


async def test_white_space_around_a_token_is_none_of_it(service: HttpService) -> None:
    expected = {
        "Bearer token-of-alice ": 200,
        "\t Bearer token-of-alice \t": 200,
        "Bearer  token-of-alice": 200,
        "bearer    token-of-alice": 200,
        "Bearer\ttoken-of-alice": 401,
        "Bearer token-of-alice x": 401,
        "Bearertoken-of-alice": 401,
        "Bearer ": 401,
    }

    answers = {
        value: await service.client.get("/api/conversations", headers=[("Authorization", value)]) for value in expected
    }
    assert {value: answer.status_code for value, answer in answers.items()} == expected


async def test_white_space_around_an_idempotency_key_is_none_of_it(service: HttpService) -> None:
    path = f"{await service.conversation()}/messages"
    for key in ("a key of mine", " the-key ", "the-key\t", "the-key"):
        headers = [*ALICE.items(), ("Idempotency-Key", key)]
        response = await service.client.post(path, json={"content": "hi"}, headers=headers)
        assert response.status_code == (422 if " of " in key else 200)

    assert len(service.inference.calls) == 1


async def test_white_space_around_an_event_id_is_none_of_it(service: HttpService) -> None:
    conversation = await service.conversation()
    reply = (await service.turn(conversation))["messages"][-1]
    path = f"{conversation}/messages/{reply['id']}/stream"
    for value, status in ((" 1 ", 200), ("1\t", 200), (f"{len(reply['content'])} ", 204), ("1 1", 400), (" ", 400)):
        response = await service.client.get(path, headers=[*ALICE.items(), ("Last-Event-ID", value)])
        assert response.status_code == status, value
