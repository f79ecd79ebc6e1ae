"""The calls of a frontend that stops a reply by closing the connection, over real sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from attrs import evolve
from tests.integration.entrypoints.chatcore_service.http_server import (
    ALICE,
    BOB,
    PAUSED,
    SETTINGS,
    LiveService,
    live_service,
)

from chatcore import OnBusy
from chatcore_memory import DONE_FRAME, token_frame

_ORIGIN = {"Origin": "http://localhost:3000"}


@pytest.fixture
async def service() -> AsyncIterator[LiveService]:
    async with live_service(evolve(SETTINGS, send_on_busy=OnBusy.INTERRUPT)) as service:
        yield service


def _message(content: str) -> dict[str, object]:
    return {
        "content": content,
        "temperature": 0.8,
        "max_tokens": 512,
        "top_k": 50,
        "thinking_mode": False,
        "force_web_search": False,
    }


async def _create(service: LiveService) -> str:
    response = await service.client.post("/api/conversations", json={"title": "New chat"}, headers=ALICE)
    assert (response.status_code, response.json()["title"]) == (201, "New chat")
    return f"/api/conversations/{response.json()['id']}"


async def _abort_half_way(service: LiveService, conversation: str, content: str) -> None:
    """Sends a message and closes the connection after the reply's first frame."""
    service.inference.play_next(*PAUSED)
    sending = service.client.stream("POST", f"{conversation}/messages", json=_message(content), headers=ALICE)
    async with sending as response:
        assert response.status_code == 200
        assert await anext(response.aiter_raw()) == token_frame("Hel")


async def _open(service: LiveService, conversation: str) -> list[tuple[str, str, str]]:
    """Returns the role, the status and the content of each message."""
    messages = (await service.client.get(conversation, headers=ALICE)).json()["messages"]
    return [(message["role"], message["status"], message["content"]) for message in messages]


async def test_a_message_after_an_aborted_one_is_answered_and_both_texts_are_kept(service: LiveService) -> None:
    conversation = await _create(service)
    await _abort_half_way(service, conversation, "A story")

    answer = await service.client.post(f"{conversation}/messages", json=_message("Shorter"), headers=ALICE)

    assert (answer.status_code, answer.content) == (200, token_frame("Hello") + DONE_FRAME)
    assert await _open(service, conversation) == [
        ("user", "complete", "A story"),
        ("assistant", "stopped", "Hel"),
        ("user", "complete", "Shorter"),
        ("assistant", "complete", "Hello"),
    ]


async def test_a_regeneration_after_an_aborted_message_replaces_its_reply(service: LiveService) -> None:
    conversation = await _create(service)
    await _abort_half_way(service, conversation, "A story")

    answer = await service.client.post(f"{conversation}/regenerate", json={"top_k": 50}, headers=ALICE)

    assert (answer.status_code, answer.content) == (200, token_frame("Hello") + DONE_FRAME)
    assert await _open(service, conversation) == [("user", "complete", "A story"), ("assistant", "complete", "Hello")]


async def test_a_message_of_another_user_stops_nothing(service: LiveService) -> None:
    conversation = await _create(service)
    await _abort_half_way(service, conversation, "A story")

    refused = await service.client.post(f"{conversation}/messages", json=_message("Mine"), headers=BOB)

    assert refused.status_code == 404
    assert [(role, status) for role, status, _ in await _open(service, conversation)] == [
        ("user", "complete"),
        ("assistant", "streaming"),
    ]


async def test_a_conversation_is_listed_renamed_regenerated_and_deleted(service: LiveService) -> None:
    conversation = await _create(service)
    await service.client.post(f"{conversation}/messages", json=_message("Tell me"), headers=ALICE)
    service.inference.say("Again")

    listed = (await service.client.get("/api/conversations/", headers=ALICE)).json()
    renamed = await service.client.put(conversation, json={"title": "Mine"}, headers=ALICE)
    again = await service.client.post(
        f"{conversation}/regenerate", json={"temperature": 0.8, "max_tokens": 512, "top_k": 50}, headers=ALICE
    )
    opened = await _open(service, conversation)
    deleted = await service.client.delete(conversation, headers=ALICE)

    assert [item["title"] for item in listed["items"]] == ["Tell me"]
    assert (renamed.status_code, renamed.json()["title"]) == (200, "Mine")
    assert again.content == token_frame("Again") + DONE_FRAME
    assert opened == [("user", "complete", "Tell me"), ("assistant", "complete", "Again")]
    assert deleted.status_code == 204
    assert (await service.client.get(conversation, headers=ALICE)).status_code == 404


@pytest.mark.parametrize("path", ["/api/conversations", "/api/conversations/", "/api/models"])
async def test_preflights_are_let_through(service: LiveService, path: str) -> None:
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,cache-control"}

    answer = await service.client.options(path, headers=_ORIGIN | asked)

    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == _ORIGIN["Origin"]
    assert answer.headers["Access-Control-Allow-Headers"] == asked["Access-Control-Request-Headers"]


async def test_models_are_listed_as_the_inference_service_does(service: LiveService) -> None:
    models = await service.client.get("/api/models", headers=ALICE)

    assert (models.status_code, models.json()) == (200, {"current_model": None, "models": []})
