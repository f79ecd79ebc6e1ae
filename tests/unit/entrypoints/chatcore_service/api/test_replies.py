"""Following and stopping replies over HTTP."""

from __future__ import annotations

import asyncio
import json

import pytest
from tests.unit.entrypoints.chatcore_service.http_service import ALICE, HttpService, running_service
from tests.unit.entrypoints.chatcore_service.stream_frames import frames

from chatcore.errors import InferenceInterruptedError, InferenceUnreachableError
from chatcore_memory import DONE_FRAME, FrozenClock, token_frame


@pytest.mark.parametrize(
    ("offset", "expected"),
    [
        ("0", 'id: 5\ndata: {"token":"H\\u00e9llo"}\n\nid: 5-end\ndata: {"done":true}\n\n'),
        ("2", 'id: 5\ndata: {"token":"llo"}\n\nid: 5-end\ndata: {"done":true}\n\n'),
        ("02", 'id: 5\ndata: {"token":"llo"}\n\nid: 5-end\ndata: {"done":true}\n\n'),
        ("6", 'id: 5\ndata: {"rewind":5}\n\nid: 5-end\ndata: {"done":true}\n\n'),
        ("999999999999999", 'id: 5\ndata: {"rewind":5}\n\nid: 5-end\ndata: {"done":true}\n\n'),
    ],
)
async def test_a_reply_goes_on_from_where_the_reader_left_off(service: HttpService, offset: str, expected: str) -> None:
    service.inference.say("Hé", "llo")
    opened = await service.turn(conversation := await service.conversation())
    path = f"{conversation}/messages/{opened['messages'][-1]['id']}/stream"

    by_header = await service.client.get(path, headers={**ALICE, "Last-Event-ID": offset})
    by_query = await service.client.get(f"{path}?offset={offset}", headers=ALICE)
    assert by_header.text == by_query.text == expected


async def test_a_reader_with_all_of_a_finished_reply_gets_204(service: HttpService) -> None:
    opened = await service.turn(conversation := await service.conversation())
    path = f"{conversation}/messages/{opened['messages'][-1]['id']}/stream"

    response = await service.client.get(f"{path}?offset=1", headers={**ALICE, "Last-Event-ID": "5"})
    assert (response.status_code, response.content) == (204, b"")


async def test_a_reader_with_all_of_a_reply_that_broke_off_is_told_so_once(service: HttpService) -> None:
    service.inference.play(token_frame("Hel"), InferenceInterruptedError())
    path = f"{await service.conversation()}/messages"
    stream = (await service.client.post(path, json={"content": "hi"}, headers=ALICE)).headers["content-location"]

    first = await service.client.get(f"{stream}?offset=3", headers=ALICE)
    error, done, _ = first.text.split("\n\n")
    assert error.startswith('id: 3\ndata: {"error":"inference_interrupted"')
    assert done == 'id: 3-end\ndata: {"done":true}'

    again = await service.client.get(stream, headers={**ALICE, "Last-Event-ID": "3-end"})
    assert again.status_code == 204


async def test_a_running_reply_is_followed_whatever_the_reader_believes_of_its_end(service: HttpService) -> None:
    reply = await service.paused_reply(await service.conversation())
    following = asyncio.create_task(service.client.get(f"{reply}/stream", headers={**ALICE, "Last-Event-ID": "1-end"}))
    await service.inference.until_paused()
    service.inference.release()

    assert (await following).text.endswith('id: 5-end\ndata: {"done":true}\n\n')


@pytest.mark.parametrize(
    "offset",
    [
        "-1",
        "+1",
        "1e3",
        "0x1",
        "1.0",
        "",
        " ",
        "abc",
        "1" + "0" * 15,
        "9" * 10_000,
        "1_0",
        "1-",
        "-end",
        "5-END",
        "5-ends",
        "5-end-end",
        "5-1",
        "5-1-end",
    ],
)
async def test_a_malformed_offset_is_refused(service: HttpService, offset: str) -> None:
    opened = await service.turn(conversation := await service.conversation())
    path = f"{conversation}/messages/{opened['messages'][-1]['id']}/stream"

    by_header = await service.client.get(path, headers={**ALICE, "Last-Event-ID": offset})
    by_query = await service.client.get(path, params={"offset": offset}, headers=ALICE)
    assert (by_header.status_code, by_query.status_code) == (400, 400)


@pytest.mark.parametrize(
    ("query", "last_event_id", "status"),
    [
        ("", None, 200),
        ("?offset=0", None, 200),
        ("", "0", 200),
        ("?offset=0", "0", 200),
        ("?offset=1", None, 200),
        ("", "0-end", 204),
        ("?offset=0-end", None, 204),
        ("?offset=0-end", "0", 200),
    ],
)
async def test_a_reader_of_a_reply_without_text_is_told_how_it_ended(
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


async def test_two_offsets_are_refused(service: HttpService) -> None:
    opened = await service.turn(conversation := await service.conversation())
    path = f"{conversation}/messages/{opened['messages'][-1]['id']}/stream"

    by_header = await service.client.get(path, headers=[*ALICE.items(), ("Last-Event-ID", "1"), ("Last-Event-ID", "1")])
    by_query = await service.client.get(f"{path}?offset=1&offset=1", headers=ALICE)
    assert (by_header.status_code, by_query.status_code) == (400, 400)


async def test_a_users_message_cannot_be_followed_or_stopped(service: HttpService) -> None:
    opened = await service.turn(conversation := await service.conversation())
    question = f"{conversation}/messages/{opened['messages'][0]['id']}"

    assert (await service.client.get(f"{question}/stream", headers=ALICE)).status_code == 404
    assert (await service.client.post(f"{question}/stop", headers=ALICE)).status_code == 404


async def test_a_stopped_reply_keeps_its_text() -> None:
    clock = FrozenClock()
    async with running_service(clock=clock) as service:
        reply = await service.paused_reply(await service.conversation())
        await service.inference.until_paused()

        stopping = asyncio.create_task(service.client.post(f"{reply}/stop", headers=ALICE))
        # The handler polls the storage until the generation has stopped.
        while not stopping.done():
            await clock.elapse(0.1)
        response = await stopping
        again = await service.client.post(f"{reply}/stop", headers=ALICE)
        followed = await service.client.get(f"{reply}/stream", headers=ALICE)

    assert response.status_code == 200
    assert (response.json()["status"], response.json()["content"]) == ("stopped", "Hel")
    assert again.json() == response.json()
    assert [frame.get("error") for frame in frames(followed.text)] == [None, "stopped", None]


# -- Whatever a model says is data: it is kept as it is, and nothing interprets it -----------------------------------

SAYINGS = {
    "markup": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "a link that runs": "[click](javascript:alert(1)) ![x](https://evil.test/?q=secret)",
    "frames": '\n\ndata: {"done":true}\n\nevent: error\rid: 7\n: comment\n\n',
    "lines that some take for ended": "a\u2028b\u2029c\u0085d",
}


@pytest.mark.parametrize("saying", SAYINGS.values(), ids=SAYINGS)
async def test_what_a_model_says_is_stored_and_returned_as_data(saying: str) -> None:
    async with running_service() as service:
        service.inference.play(token_frame(saying), DONE_FRAME)
        conversation = await service.conversation()
        reply = (await service.turn(conversation))["messages"][-1]
        opened = await service.client.get(conversation, headers=ALICE)
        resumed = await service.client.get(f"{conversation}/messages/{reply['id']}/stream", headers=ALICE)

    assert reply["content"] == saying
    assert opened.headers["content-type"] == "application/json"
    assert resumed.headers["content-type"] == "text/event-stream"
    for response in (opened, resumed):
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["content-security-policy"].startswith("default-src 'none'")
    *frames, rest = resumed.text.split("\n\n")
    assert rest == ""
    said = [json.loads(frame.partition("data: ")[2]) for frame in frames]
    assert "".join(frame.get("token", "") for frame in said) == saying
    assert said[-1] == {"done": True}
