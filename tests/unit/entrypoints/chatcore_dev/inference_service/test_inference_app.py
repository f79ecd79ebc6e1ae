"""Tests the local inference service as an application: its internal keys, and the pace of its replies."""

import asyncio

import pytest
from starlette.types import Message, Scope
from tests.unit.entrypoints.chatcore_dev.internal_keys import BOTH, RIGHT, WRONG, status_of

from chatcore_dev.inference_service.inference_app import create_inference_app
from chatcore_memory import FrozenClock


@pytest.mark.parametrize(("key", "status"), [*((key, 200) for key in RIGHT), *((key, 403) for key in WRONG)])
async def test_each_key_is_accepted_and_nothing_else(key: str, status: int) -> None:
    assert await status_of(create_inference_app(BOTH), "GET", "/models", key) == status


@pytest.mark.parametrize("path", ["/generate", "/models/swap"])
@pytest.mark.parametrize("key", WRONG)
async def test_nothing_is_generated_or_swapped_without_a_key(path: str, key: str) -> None:
    assert await status_of(create_inference_app(BOTH), "POST", path, key, body=b"{}") == 403


async def test_frames_are_sent_one_by_one_at_the_given_pace() -> None:
    clock = FrozenClock()
    app = create_inference_app("key", tokens_per_second=4, clock=clock)
    body = b'{"messages":[{"role":"user","content":"I need a holiday by the sea"}]}'
    sent: list[bytes] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message.get("body", b""))

    headers = [(b"x-internal-api-key", b"key"), (b"content-type", b"application/json")]
    # With this version Starlette does not read on to notice a disconnect.
    asgi = {"spec_version": "2.4"}
    scope: Scope = {"type": "http", "asgi": asgi, "method": "POST", "path": "/generate", "headers": headers}
    scope["query_string"] = b""
    frames_before = []
    async with app.router.lifespan_context(app):
        generating = asyncio.create_task(app(scope, receive, send))
        for _ in range(3):
            await clock.sleepers(1)
            frames_before.append(b"".join(sent).count(b"token"))
            clock.advance(0.25)
        generating.cancel()

    assert frames_before == [0, 1, 2]
