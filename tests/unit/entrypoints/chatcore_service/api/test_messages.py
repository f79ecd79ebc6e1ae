"""Sending and regenerating over HTTP: what the streams hold, and how a request is refused."""

from __future__ import annotations

import json

import httpx
import pytest
from attrs import evolve
from tests.unit.entrypoints.chatcore_service.http_service import (
    ALICE,
    PAUSED,
    SETTINGS,
    HttpService,
    Json,
    running_service,
)
from tests.unit.entrypoints.chatcore_service.stream_frames import frames

from chatcore import Limits, OnBusy
from chatcore.errors import (
    InferenceError,
    InferenceInterruptedError,
    InferenceRefusedError,
    InferenceTimeoutError,
    InferenceUnreachableError,
)
from chatcore_memory import DONE_FRAME, token_frame
from chatcore_service.api.message_bodies import NewMessageBody, RegenerationBody

ASYNC = {**ALICE, "Prefer": "respond-async"}


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


async def test_a_reply_can_be_followed_at_the_content_location_of_its_stream(service: HttpService) -> None:
    response = await service.client.post(
        f"{await service.conversation()}/messages", json={"content": "hi"}, headers=ALICE
    )

    followed = await service.client.get(response.headers["content-location"], headers=ALICE)
    assert followed.text == 'id: 5\ndata: {"token":"Hello"}\n\nid: 5-end\ndata: {"done":true}\n\n'


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
    assert (reply["content"], reply["status"], reply["error"]) == ("Hel", "interrupted", code)


ERROR_FRAME = b'data: {"error":"CUDA out of memory", "code": 507}\n\n'
LAST_ERROR_FRAME = b'data: {"error":"CUDA out of memory","done":true}\n\n'


@pytest.mark.parametrize("end", [(DONE_FRAME,), ()], ids=["then the end", "no end"])
@pytest.mark.parametrize("error_frame", [ERROR_FRAME, LAST_ERROR_FRAME], ids=["an error", "an error at the end"])
@pytest.mark.parametrize("tokens", [(), ("Hel",)], ids=["no token", "a token"])
async def test_an_error_of_the_model_is_passed_on_and_the_reply_is_not_complete(
    service: HttpService, tokens: tuple[str, ...], error_frame: bytes, end: tuple[bytes, ...]
) -> None:
    sent = [*map(token_frame, tokens), error_frame]
    service.inference.play(*sent, *end)

    response = await service.client.post(
        f"{await service.conversation()}/messages", json={"content": "hi"}, headers=ALICE
    )

    assert response.content.startswith(b"".join(sent) + b'data: {"error":"inference_error","detail":"')
    assert response.content.endswith(b'"}\n\n' + DONE_FRAME)
    followed = await service.client.get(response.headers["content-location"], headers=ALICE)
    assert [frame.get("token") or frame.get("error") for frame in frames(followed.text)] == [
        *tokens,
        "inference_error",
        None,
    ]


async def test_an_inference_outage_ends_the_stream_and_is_shown_until_the_next_message(service: HttpService) -> None:
    conversation = await service.conversation()
    service.inference.outage = InferenceUnreachableError()

    response = await service.client.post(f"{conversation}/messages", json={"content": "hi"}, headers=ALICE)
    error, done = frames(response.text)
    assert error["error"] == "inference_unreachable"
    assert done == {"done": True}
    messages = (await service.open(conversation))["messages"]
    assert [(message["content"], message["status"], message["error"]) for message in messages] == [
        ("hi", "complete", None),
        ("", "failed", "inference_unreachable"),
    ]

    service.inference.outage = None
    messages = (await service.turn(conversation, "again"))["messages"]
    assert [message["content"] for message in messages] == ["hi", "again", "Hello"]


async def test_only_a_streaming_reply_has_no_counts_and_every_message_has_the_model(
    service: HttpService,
) -> None:
    created = await service.client.post("/api/conversations", json={"model_tag": "eliza"}, headers=ALICE)
    conversation = created.headers["location"]

    def figures(messages: list[Json]) -> list[tuple[object, ...]]:
        return [(message["token_count"], message["inference_time_ms"], message["model_tag"]) for message in messages]

    await service.paused_reply(conversation)
    assert figures((await service.open(conversation))["messages"]) == [(0, 0, "eliza"), (None, None, "eliza")]

    response = await service.client.post(
        f"{conversation}/messages", json={"content": "hi", "on_busy": "interrupt"}, headers=ASYNC
    )
    assert figures(list(response.json().values())) == [(0, 0, "eliza"), (None, None, "eliza")]
    _, stopped, question, _ = (await service.open(conversation))["messages"]
    assert figures([question]) == [(0, 0, "eliza")]
    assert type(stopped["inference_time_ms"]) is int
    assert (stopped["token_count"], stopped["model_tag"]) == (1, "eliza")


async def test_a_reply_shows_why_the_model_ended_it(service: HttpService) -> None:
    conversation = await service.conversation()
    service.inference.play_next(token_frame("Hel"), b'data: {"done":true,"finish_reason":"length"}\n\n')
    question, reply = (await service.turn(conversation, "hi"))["messages"]

    assert (question["finish_reason"], reply["finish_reason"]) == (None, "length")


async def test_respond_async_returns_the_path_of_the_stream(service: HttpService) -> None:
    conversation = await service.conversation()

    response = await service.client.post(f"{conversation}/messages", json={"content": "hi"}, headers=ASYNC)
    document = response.json()
    reply = document["assistant_message"]
    assert response.status_code == 202
    assert response.headers["preference-applied"] == "respond-async"
    assert response.headers["location"] == f"{conversation}/messages/{reply['id']}/stream"
    assert (document["user_message"]["content"], reply["status"]) == ("hi", "streaming")
    assert frames((await service.client.get(response.headers["location"], headers=ALICE)).text)[-1] == {"done": True}


async def test_a_regeneration_can_respond_async_too(service: HttpService) -> None:
    conversation = await service.conversation()
    await service.turn(conversation)

    response = await service.client.post(f"{conversation}/regenerate", headers=ASYNC)
    assert response.status_code == 202
    assert response.json()["user_message"]["content"] == "hi"


async def test_sampling_is_passed_to_the_inference_service(service: HttpService) -> None:
    body = {"content": "hi", "temperature": 1, "max_tokens": 7, "top_k": 0}
    await service.client.post(f"{await service.conversation()}/messages", json=body, headers=ALICE)

    sampling = service.inference.calls[0].request.sampling
    assert (sampling.temperature, sampling.max_tokens, sampling.top_k) == (1.0, 7, 0)


async def test_sampling_defaults_to_the_settings(service: HttpService) -> None:
    await service.turn(await service.conversation())

    assert service.inference.calls[0].request.sampling == SETTINGS.sampling


async def test_a_message_during_a_reply_is_refused_with_the_path_of_its_stream(service: HttpService) -> None:
    conversation = await service.conversation()
    reply = await service.paused_reply(conversation)

    for path in ("messages", "regenerate"):
        body = {"content": "again"} if path == "messages" else {}
        response = await service.client.post(f"{conversation}/{path}", json=body, headers=ALICE)
        assert response.status_code == 409
        assert response.json()["code"] == "generation_in_progress"
        assert response.headers["location"] == f"{reply}/stream"


async def test_a_message_may_stop_the_running_reply(service: HttpService) -> None:
    conversation = await service.conversation()
    await service.paused_reply(conversation)

    response = await service.client.post(
        f"{conversation}/messages", json={"content": "again", "on_busy": "interrupt"}, headers=ALICE
    )
    assert response.status_code == 200
    messages = (await service.open(conversation))["messages"]
    assert [(message["content"], message["status"], message["error"]) for message in messages] == [
        ("hi", "complete", None),
        ("Hel", "stopped", "stopped"),
        ("again", "complete", None),
        ("Hello", "complete", None),
    ]


async def test_a_regeneration_may_stop_the_running_reply(service: HttpService) -> None:
    conversation = await service.conversation()
    reply = await service.paused_reply(conversation)

    response = await service.client.post(f"{conversation}/regenerate", json={"on_busy": "interrupt"}, headers=ALICE)
    assert response.status_code == 200
    question, again = (await service.open(conversation))["messages"]
    assert (again["content"], again["status"], again["parent_id"]) == ("Hello", "complete", question["id"])
    stopped = await service.client.get(f"{reply}/stream", headers=ALICE)
    assert [frame.get("token") or frame.get("error") for frame in frames(stopped.text)] == ["Hel", "stopped", None]


async def test_the_setting_decides_where_a_request_does_not_say_what_to_do_when_busy() -> None:
    async with running_service(evolve(SETTINGS, send_on_busy=OnBusy.INTERRUPT)) as service:
        conversation = await service.conversation()
        await service.paused_reply(conversation)

        refused = await service.client.post(
            f"{conversation}/messages", json={"content": "again", "on_busy": "reject"}, headers=ALICE
        )
        assert refused.status_code == 409
        sent = await service.client.post(f"{conversation}/messages", json={"content": "again"}, headers=ALICE)
        assert sent.status_code == 200


async def test_the_setting_decides_for_a_regeneration_too() -> None:
    async with running_service(evolve(SETTINGS, send_on_busy=OnBusy.INTERRUPT)) as service:
        conversation = await service.conversation()
        await service.paused_reply(conversation)

        refused = await service.client.post(f"{conversation}/regenerate", json={"on_busy": "reject"}, headers=ALICE)
        assert refused.status_code == 409
        regenerated = await service.client.post(f"{conversation}/regenerate", headers=ALICE)
        assert regenerated.status_code == 200


@pytest.mark.parametrize("path", ["messages", "regenerate"])
@pytest.mark.parametrize("on_busy", ["", "Interrupt", 1, True, ["interrupt"]])
async def test_an_unknown_value_for_busy_is_refused_and_stops_nothing(
    service: HttpService, path: str, on_busy: object
) -> None:
    conversation = await service.conversation()
    await service.paused_reply(conversation)

    response = await service.client.post(
        f"{conversation}/{path}", json={"content": "again", "on_busy": on_busy}, headers=ALICE
    )
    assert response.status_code == 422
    assert [error["field"] for error in response.json()["errors"]] == ["on_busy"]
    assert (await service.open(conversation))["messages"][-1]["status"] == "streaming"


async def test_a_key_is_bound_to_what_the_request_says_about_busy(service: HttpService) -> None:
    conversation = await service.conversation()
    headers = {**ALICE, "Idempotency-Key": "one"}

    async def send(**on_busy: object) -> httpx.Response:
        return await service.client.post(f"{conversation}/messages", json={"content": "hi", **on_busy}, headers=headers)

    first = await send()
    assert (await send(on_busy=None)).headers["content-location"] == first.headers["content-location"]
    assert (await send(on_busy="interrupt")).status_code == 422


def test_a_body_that_says_nothing_about_busy_has_the_fingerprint_of_earlier_versions() -> None:
    sampling = {"temperature": None, "max_tokens": None, "top_k": None}

    assert NewMessageBody(content="hi").as_sent() == {"content": "hi", **sampling}
    assert RegenerationBody().as_sent() == sampling


async def test_an_empty_conversation_has_nothing_to_regenerate(service: HttpService) -> None:
    response = await service.client.post(f"{await service.conversation()}/regenerate", headers=ALICE)

    assert response.status_code == 400
    assert response.json()["code"] == "nothing_to_regenerate"


async def test_too_many_replies_at_once_are_refused_with_retry_after() -> None:
    settings = evolve(SETTINGS, limits=Limits(generations_per_user=1))
    async with running_service(settings) as service:
        await service.paused_reply(await service.conversation())
        response = await service.client.post(
            f"{await service.conversation()}/messages", json={"content": "hi"}, headers=ALICE
        )

    assert response.status_code == 429
    assert int(response.headers["retry-after"]) > 0


# -- Idempotency keys ------------------------------------------------------------------------------------------------


async def test_a_repeated_key_returns_the_first_reply_and_appends_nothing(service: HttpService) -> None:
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


async def test_a_repeated_key_of_a_regeneration_returns_its_reply_and_appends_nothing(service: HttpService) -> None:
    conversation = await service.conversation()
    await service.turn(conversation)
    headers = {**ALICE, "Idempotency-Key": "one"}

    first = await service.client.post(f"{conversation}/regenerate", json={"top_k": 1}, headers=headers)
    again = await service.client.post(f"{conversation}/regenerate", json={"top_k": 1}, headers=headers)
    assert again.headers["content-location"] == first.headers["content-location"]
    assert frames(again.text) == [{"token": "Hello"}, {"done": True}]
    assert await service.count_of_everything() == (1, 3)

    for path, body in (("regenerate", {"top_k": 2}), ("messages", {"content": "hi", "top_k": 1})):
        refused = await service.client.post(f"{conversation}/{path}", json=body, headers=headers)
        assert refused.status_code == 422
        assert refused.json()["code"] == "idempotency_key_reused"


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
