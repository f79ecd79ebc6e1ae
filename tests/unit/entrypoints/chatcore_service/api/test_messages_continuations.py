"""Continued replies over HTTP."""

from __future__ import annotations

import pytest
from tests.unit.entrypoints.chatcore_service.http_service import ALICE, HttpService

from chatcore.errors import InferenceTimeoutError
from chatcore_memory import DONE_FRAME, token_frame


async def broken_off(service: HttpService) -> str:
    """Returns the path of a reply that broke off after "Hello"."""
    conversation = await service.conversation()
    service.inference.play_next(token_frame("Hello"), InferenceTimeoutError())
    messages = (await service.turn(conversation))["messages"]
    assert (messages[-1]["status"], messages[-1]["stream_id"]) == ("interrupted", "5")
    return f"{conversation}/messages/{messages[-1]['id']}"


async def test_the_stream_has_what_is_new_and_the_message_has_all(service: HttpService) -> None:
    reply = await broken_off(service)
    service.inference.play_next(token_frame(" again"), DONE_FRAME)

    response = await service.client.post(f"{reply}/continue", headers=ALICE)

    assert response.content == token_frame(" again") + DONE_FRAME
    assert response.headers["content-location"] == f"{reply}/stream"
    message = (await service.open(reply.partition("/messages")[0]))["messages"][-1]
    assert (message["content"], message["status"], message["stream_id"]) == ("Hello again", "complete", "11-2")


async def test_every_reader_sees_one_reply(service: HttpService) -> None:
    reply = await broken_off(service)
    service.inference.play_next(token_frame(" again"), DONE_FRAME)
    await service.client.post(f"{reply}/continue", headers=ALICE)

    async def follow(last_id: str) -> tuple[int, str]:
        response = await service.client.get(f"{reply}/stream", headers={**ALICE, "Last-Event-ID": last_id})
        return response.status_code, response.text

    again = 'id: 11-2\ndata: {"token":" again"}\n\nid: 11-2-end\ndata: {"done":true}\n\n'
    assert await follow("5") == (200, again)
    # Whoever was told the end of the first generation learns that the reply has gone on.
    assert await follow("5-end") == (200, again)
    assert await follow("5-2") == (200, again)
    # This reader was shown more than was stored when the reply broke off.
    assert await follow("8") == (200, f'id: 5-2\ndata: {{"rewind":5}}\n\n{again}')
    assert await follow("11-2-end") == (204, "")
    assert await follow("11-2") == (204, "")


async def test_a_repeat_by_key_gets_what_is_new(service: HttpService) -> None:
    reply = await broken_off(service)
    service.inference.play_next(token_frame(" again"), DONE_FRAME)
    headers = {**ALICE, "Idempotency-Key": "k"}
    await service.client.post(f"{reply}/continue", headers=headers)

    repeat = await service.client.post(f"{reply}/continue", headers=headers)
    other = await service.client.post(f"{reply}/continue", json={"max_tokens": 7}, headers=headers)

    assert repeat.text == 'id: 11-2\ndata: {"token":" again"}\n\nid: 11-2-end\ndata: {"done":true}\n\n'
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert len(service.inference.calls) == 2


async def test_who_does_not_wait_gets_the_reply_and_where_to_follow_it(service: HttpService) -> None:
    reply = await broken_off(service)

    response = await service.client.post(f"{reply}/continue", headers={**ALICE, "Prefer": "respond-async"})

    assert (response.status_code, response.headers["location"]) == (202, f"{reply}/stream")
    message = response.json()["assistant_message"]
    assert (message["content"], message["status"], message["stream_id"]) == ("Hello", "streaming", "5-2")


@pytest.mark.parametrize("ending", ["complete", "a question"])
async def test_what_cannot_go_on_is_refused(service: HttpService, ending: str) -> None:
    conversation = await service.conversation()
    messages = (await service.turn(conversation))["messages"]
    id_ = messages[-1 if ending == "complete" else 0]["id"]

    response = await service.client.post(f"{conversation}/messages/{id_}/continue", headers=ALICE)

    expected = (409, "not_continuable") if ending == "complete" else (404, "message_not_found")
    assert (response.status_code, response.json()["code"]) == expected
