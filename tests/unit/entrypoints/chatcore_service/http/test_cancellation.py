"""What a caller hears whose request the server gives up at its end."""

import asyncio

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Scope

from chatcore_service.http.resource import PublicResource


async def test_a_request_that_is_cancelled_is_answered_like_one_that_came_too_late() -> None:
    is_waiting = asyncio.Event()
    sent: list[Message] = []

    async def wait_for_ever(_: Request) -> ASGIApp:
        is_waiting.set()
        await asyncio.Event().wait()
        raise AssertionError

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": []}
    answering = asyncio.create_task(PublicResource("/", {"GET": wait_for_ever})(scope, receive, send))
    await is_waiting.wait()
    answering.cancel()
    await answering

    assert sent[0]["status"] == 503
    assert (b"retry-after", b"1") in sent[0]["headers"]
    assert b"shutting down" in sent[1]["body"]
