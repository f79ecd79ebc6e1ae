"""Turns over HTTP: what the streams hold, and every way in which a turn is refused."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest
from attrs import evolve
from tests.unit.entrypoints.chatcore_service.http_service import ALICE, PAUSED, SETTINGS, HttpService, running_service

from chatcore import Limits
from chatcore.errors import (
    InferenceError,
    InferenceInterruptedError,
    InferenceRefusedError,
    InferenceTimeoutError,
    InferenceUnreachableError,
)
from chatcore_memory import DONE_FRAME, token_frame

ASYNC = {**ALICE, "Prefer": "respond-async"}


@pytest.fixture
async def service() -> AsyncIterator[HttpService]:
    async with running_service() as service:
        yield service


def frames(body: str) -> list[dict[str, object]]:
    return [json.loads(line.removeprefix("data: ")) for line in body.splitlines() if line.startswith("data: ")]


async def test_a_stream_is_byte_for_byte_what_the_inference_service_sent(service: HttpService) -> None:
    sent = (token_frame("Hé"), b'event: x\r\ndata: {"gpu":1}\r\n\r\n', b"data: not json\n\n", DONE_FRAME)
    service.inference.play(*sent)

    response = await service.client.post(
        f"{await service.conversation()}/messages", json={"content": "hi"}, headers=ALICE
    )
    assert response.status_code == 200
    assert response.content == b"".join(sent)
    assert response.headers["content-type"] == "text/event-stream"
    assert response.headers["cache-control"] == "no-cache"
    assert response.headers["x-accel-buffering"] == "no"


async def test_the_content_location_of_a_stream_is_where_the_reply_can_be_followed(service: HttpService) -> None:
    response = await service.client.post(
        f"{await service.conversation()}/messages", json={"content": "hi"}, headers=ALICE
    )

    followed = await service.client.get(response.headers["content-location"], headers=ALICE)
    assert followed.text == 'id: 5\ndata: {"token":"Hello"}\n\nid: 5\ndata: {"done":true}\n\n'


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InferenceUnreachableError(), "inference_unreachable"),
        (InferenceRefusedError(), "inference_error"),
        (InferenceTimeoutError(), "inference_timeout"),
        (InferenceInterruptedError(), "inference_interrupted"),
    ],
)
async def test_a_reply_that_fails_ends_with_an_error_frame_and_the_closing_frame(
    service: HttpService, error: InferenceError, code: str
) -> None:
    conversation = await service.conversation()
    service.inference.play(token_frame("Hel"), error)

    response = await service.client.post(f"{conversation}/messages", json={"content": "hi"}, headers=ALICE)
    first, second, third = response.content.split(b"\n\n")[:3]
    assert first + b"\n\n" == token_frame("Hel")
    assert json.loads(second.removeprefix(b"data: "))["error"] == code
    assert third == b'data: {"done":true}'
    reply = (await service.open(conversation))["messages"][-1]
    assert (reply["content"], reply["status"]) == ("Hel", "interrupted")


async def test_an_outage_of_inference_is_told_in_the_stream_and_the_message_is_kept(service: HttpService) -> None:
    conversation = await service.conversation()
    service.inference.outage = InferenceUnreachableError()

    response = await service.client.post(f"{conversation}/messages", json={"content": "hi"}, headers=ALICE)
    error, done = frames(response.text)
    assert error["error"] == "inference_unreachable"
    assert done == {"done": True}
    assert [message["content"] for message in (await service.open(conversation))["messages"]] == ["hi"]


async def test_a_caller_who_prefers_not_to_wait_is_told_where_the_reply_will_be(service: HttpService) -> None:
    conversation = await service.conversation()

    response = await service.client.post(f"{conversation}/messages", json={"content": "hi"}, headers=ASYNC)
    document = response.json()
    reply = document["assistant_message"]
    assert response.status_code == 202
    assert response.headers["preference-applied"] == "respond-async"
    assert response.headers["location"] == f"{conversation}/messages/{reply['id']}/stream"
    assert (document["user_message"]["content"], reply["status"]) == ("hi", "streaming")
    assert frames((await service.client.get(response.headers["location"], headers=ALICE)).text)[-1] == {"done": True}


async def test_regenerating_can_also_be_waited_for_elsewhere(service: HttpService) -> None:
    conversation = await service.conversation()
    await service.turn(conversation)

    response = await service.client.post(f"{conversation}/regenerate", headers=ASYNC)
    assert response.status_code == 202
    assert response.json()["user_message"]["content"] == "hi"


async def test_the_dials_go_along_to_the_inference_service(service: HttpService) -> None:
    body = {"content": "hi", "temperature": 1, "max_tokens": 7, "top_k": 0}
    await service.client.post(f"{await service.conversation()}/messages", json=body, headers=ALICE)

    sampling = service.inference.calls[0].request.sampling
    assert (sampling.temperature, sampling.max_tokens, sampling.top_k) == (1.0, 7, 0)


async def test_what_is_left_out_is_sampled_by_the_settings(service: HttpService) -> None:
    await service.turn(await service.conversation())

    assert service.inference.calls[0].request.sampling == SETTINGS.sampling


async def test_a_second_message_during_a_reply_is_told_where_that_reply_is(service: HttpService) -> None:
    conversation = await service.conversation()
    reply = await service.paused_reply(conversation)

    for path in ("messages", "regenerate"):
        body = {"content": "again"} if path == "messages" else {}
        response = await service.client.post(f"{conversation}/{path}", json=body, headers=ALICE)
        assert response.status_code == 409
        assert response.json()["code"] == "generation_in_progress"
        assert response.headers["location"] == f"{reply}/stream"


async def test_an_empty_conversation_has_nothing_to_regenerate(service: HttpService) -> None:
    response = await service.client.post(f"{await service.conversation()}/regenerate", headers=ALICE)

    assert response.status_code == 409
    assert response.json()["code"] == "nothing_to_regenerate"


async def test_a_user_with_too_many_replies_in_the_making_is_told_when_to_come_back() -> None:
    settings = evolve(SETTINGS, limits=Limits(generations_per_user=1))
    async with running_service(settings) as service:
        await service.paused_reply(await service.conversation())
        response = await service.client.post(
            f"{await service.conversation()}/messages", json={"content": "hi"}, headers=ALICE
        )

    assert response.status_code == 429
    assert int(response.headers["retry-after"]) > 0


async def test_a_stopped_reply_keeps_its_text(service: HttpService) -> None:
    reply = await service.paused_reply(await service.conversation())
    await service.inference.until_paused()

    response = await service.client.post(f"{reply}/stop", headers=ALICE)
    again = await service.client.post(f"{reply}/stop", headers=ALICE)
    assert response.status_code == 200
    assert (response.json()["status"], response.json()["content"]) == ("stopped", "Hel")
    assert again.json() == response.json()
    followed = await service.client.get(f"{reply}/stream", headers=ALICE)
    assert [frame.get("error") for frame in frames(followed.text)] == [None, "stopped", None]


# -- Idempotency keys ------------------------------------------------------------------------------------------------


async def test_a_repeated_key_is_answered_with_the_first_reply_and_appends_nothing(service: HttpService) -> None:
    conversation = await service.conversation()
    headers = {**ALICE, "Idempotency-Key": "one"}

    first = await service.client.post(f"{conversation}/messages", json={"content": "hi"}, headers=headers)
    again = await service.client.post(f"{conversation}/messages", json={"content": "hi"}, headers=headers)
    assert again.headers["content-location"] == first.headers["content-location"]
    assert frames(again.text) == [{"token": "Hello"}, {"done": True}]
    assert len((await service.open(conversation))["messages"]) == 2


async def test_a_repeated_key_during_the_reply_attaches_to_it(service: HttpService) -> None:
    conversation = await service.conversation()
    headers = {**ASYNC, "Idempotency-Key": "one"}
    service.inference.play_next(*PAUSED)

    first = await service.client.post(f"{conversation}/messages", json={"content": "hi"}, headers=headers)
    again = await service.client.post(f"{conversation}/messages", json={"content": "hi"}, headers=headers)
    assert again.status_code == 202
    assert again.json() == first.json()


async def test_a_key_that_was_used_for_another_message_is_refused(service: HttpService) -> None:
    conversation = await service.conversation()
    headers = {**ALICE, "Idempotency-Key": "one"}
    await service.client.post(f"{conversation}/messages", json={"content": "hi"}, headers=headers)

    response = await service.client.post(f"{conversation}/messages", json={"content": "ho"}, headers=headers)
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == "Idempotency-Key"


@pytest.mark.parametrize("key", ["", " ", "a b", "é", "\t", "k" * 256])
async def test_a_malformed_key_is_refused_by_the_headers_name(service: HttpService, key: str) -> None:
    conversation = await service.conversation()
    headers = [*ALICE.items(), ("Idempotency-Key", key.encode())]

    response = await service.client.post(
        f"{conversation}/messages",
        json={"content": "hi"},
        headers=headers,  # type: ignore[arg-type] # httpx takes bytes, and str of ASCII only
    )
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == "Idempotency-Key"
    assert await service.count_of_everything() == (1, 0)


async def test_two_keys_are_refused(service: HttpService) -> None:
    headers = [*ALICE.items(), ("Idempotency-Key", "a"), ("Idempotency-Key", "a")]

    response = await service.client.post(
        f"{await service.conversation()}/messages", json={"content": "hi"}, headers=headers
    )
    assert response.status_code == 422


async def test_a_key_may_have_255_characters(service: HttpService) -> None:
    response = await service.client.post(
        f"{await service.conversation()}/messages",
        json={"content": "hi"},
        headers={**ALICE, "Idempotency-Key": "~" * 255},
    )

    assert response.status_code == 200


# -- Following -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("offset", "expected"),
    [
        ("0", 'id: 5\ndata: {"token":"H\\u00e9llo"}\n\nid: 5\ndata: {"done":true}\n\n'),
        ("2", 'id: 5\ndata: {"token":"llo"}\n\nid: 5\ndata: {"done":true}\n\n'),
        ("02", 'id: 5\ndata: {"token":"llo"}\n\nid: 5\ndata: {"done":true}\n\n'),
        ("6", 'id: 5\ndata: {"rewind":5}\n\nid: 5\ndata: {"done":true}\n\n'),
        ("9007199254740992", 'id: 5\ndata: {"rewind":5}\n\nid: 5\ndata: {"done":true}\n\n'),
    ],
)
async def test_a_reply_goes_on_from_where_the_reader_left_off(service: HttpService, offset: str, expected: str) -> None:
    service.inference.say("Hé", "llo")
    opened = await service.turn(conversation := await service.conversation())
    path = f"{conversation}/messages/{opened['messages'][-1]['id']}/stream"

    by_header = await service.client.get(path, headers={**ALICE, "Last-Event-ID": offset})
    by_query = await service.client.get(f"{path}?offset={offset}", headers=ALICE)
    assert by_header.text == by_query.text == expected


async def test_a_reader_who_has_all_of_a_finished_reply_is_told_to_stay_away(service: HttpService) -> None:
    opened = await service.turn(conversation := await service.conversation())
    path = f"{conversation}/messages/{opened['messages'][-1]['id']}/stream"

    response = await service.client.get(f"{path}?offset=1", headers={**ALICE, "Last-Event-ID": "5"})
    assert (response.status_code, response.content) == (204, b"")


@pytest.mark.parametrize(
    "offset", ["-1", "+1", "1e3", "0x1", "1.0", "", " ", "abc", "9007199254740993", "9" * 20, "9" * 10_000, "1_0"]
)
async def test_a_malformed_place_to_resume_at_is_refused(service: HttpService, offset: str) -> None:
    opened = await service.turn(conversation := await service.conversation())
    path = f"{conversation}/messages/{opened['messages'][-1]['id']}/stream"

    by_header = await service.client.get(path, headers={**ALICE, "Last-Event-ID": offset})
    by_query = await service.client.get(path, params={"offset": offset}, headers=ALICE)
    assert (by_header.status_code, by_query.status_code) == (400, 400)


@pytest.mark.parametrize(
    ("query", "last_event_id", "status"),
    [("", None, 200), ("?offset=0", None, 200), ("", "0", 204), ("?offset=0", "0", 204), ("?offset=1", None, 200)],
)
async def test_who_reads_a_reply_without_text_from_its_start_is_told_how_it_ended(
    service: HttpService, query: str, last_event_id: str | None, status: int
) -> None:
    service.inference.play(InferenceUnreachableError())
    path = f"{await service.conversation()}/messages"
    stream = (await service.client.post(path, json={"content": "hi"}, headers=ALICE)).headers["content-location"]
    headers = ALICE if last_event_id is None else {**ALICE, "Last-Event-ID": last_event_id}

    response = await service.client.get(f"{stream}{query}", headers=headers)
    assert response.status_code == status
    if status == 200:
        error, done = frames(response.text)[-2:]
        assert (error["error"], done) == ("inference_unreachable", {"done": True})


async def test_two_places_to_resume_at_are_refused(service: HttpService) -> None:
    opened = await service.turn(conversation := await service.conversation())
    path = f"{conversation}/messages/{opened['messages'][-1]['id']}/stream"

    by_header = await service.client.get(path, headers=[*ALICE.items(), ("Last-Event-ID", "1"), ("Last-Event-ID", "1")])
    by_query = await service.client.get(f"{path}?offset=1&offset=1", headers=ALICE)
    assert (by_header.status_code, by_query.status_code) == (400, 400)


async def test_what_a_user_said_cannot_be_followed_or_stopped(service: HttpService) -> None:
    opened = await service.turn(conversation := await service.conversation())
    question = f"{conversation}/messages/{opened['messages'][0]['id']}"

    assert (await service.client.get(f"{question}/stream", headers=ALICE)).status_code == 404
    assert (await service.client.post(f"{question}/stop", headers=ALICE)).status_code == 404
