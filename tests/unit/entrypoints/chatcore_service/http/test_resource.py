"""Resources: unknown paths, methods that a path does not support, and requests that are cancelled."""

from __future__ import annotations

import asyncio

import pytest
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Scope
from tests.unit.entrypoints.chatcore_service.http_service import ALICE, HttpService
from tests.unit.entrypoints.chatcore_service.problem_fields import fields

from chatcore_service.http.resource import PublicResource


@pytest.mark.parametrize("path", ["/api/conversations", "/api/health", "/openapi.json", "/api/models"])
async def test_a_slash_at_the_end_of_a_path_makes_no_difference(service: HttpService, path: str) -> None:
    with_slash = await service.client.get(f"{path}/", headers=ALICE)

    assert with_slash.status_code == 200
    assert with_slash.content == (await service.client.get(path, headers=ALICE)).content


@pytest.mark.parametrize(
    "path",
    [
        "//",
        "/api",
        "/api/",
        "/api/conversations//",
        "/api//conversations",
        "//api/health",
        "/api/nothing",
        "/API/health",
        "/api/conversations%0A",
    ],
)
async def test_an_unknown_path_is_a_problem_document(service: HttpService, path: str) -> None:
    response = await service.client.get(f"http://chat.test{path}", headers=ALICE)

    assert response.status_code == 404
    assert fields(response) == []
    assert response.json()["code"] == "not_found"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PATCH", "/api/conversations", "DELETE, GET, HEAD, POST"),
        ("PUT", "/api/conversations", "DELETE, GET, HEAD, POST"),
        ("POST", "/api/conversations/x", "DELETE, GET, HEAD, PATCH, PUT"),
        ("GET", "/api/conversations/x/messages", "POST"),
        ("GET", "/api/conversations/x/regenerate", "POST"),
        ("HEAD", "/api/conversations/x/messages/y/stream", "GET"),
        ("GET", "/api/conversations/x/messages/y/stop", "POST"),
        ("TRACE", "/api/models", "GET, HEAD"),
        ("OPTIONS", "/api/models/swap", "POST"),
        ("POST", "/api/health", "GET, HEAD"),
    ],
)
async def test_an_unsupported_method_is_refused_with_the_supported_ones(
    service: HttpService, method: str, path: str, allowed: str
) -> None:
    response = await service.client.request(method, path, headers=ALICE)

    assert response.status_code == 405
    assert response.headers["allow"] == allowed
    assert response.headers["content-type"] == "application/problem+json"


async def test_a_cancelled_request_is_answered_like_one_during_the_shutdown() -> None:
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
