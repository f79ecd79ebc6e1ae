"""The internal key changes at the auth and the inference service, and no request is refused for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Self

import httpx
import pytest
from attrs import Factory, define
from tests.unit.adapters.chatcore_auth.scripted_auth_service import HandSetClock

from chatcore.conversations.history import HistoryMessage
from chatcore.conversations.message import Role
from chatcore.errors import (
    AuthUnavailableError,
    InferenceKeyRefusedError,
    InferenceRefusedError,
    ModelsRefusedError,
    NotAuthenticatedError,
)
from chatcore.ports import Frame, InferenceRequest
from chatcore.replies.sampling import Sampling
from chatcore_auth import AuthClient
from chatcore_inference import InferenceClient

REQUEST = InferenceRequest(messages=(HistoryMessage(Role.USER, "Hi"),), sampling=Sampling(), user_id="u")
STREAM = b'data: {"token":"Hel"}\n\ndata: {"done":true}\n\n'

ANSWERS = {
    "/auth/validate": lambda: httpx.Response(200, json={"valid": True, "user": {"id": "u"}}),
    "/generate": lambda: httpx.Response(200, headers={"content-type": "text/event-stream"}, content=STREAM),
    "/models": lambda: httpx.Response(200, json={"models": []}),
    "/models/swap": lambda: httpx.Response(202, json={"status": "ok"}),
}


@define
class KeyedService:
    """An auth and inference service that accepts some keys and refuses all others with a status."""

    knows: set[str]
    refuses_with: int = 403
    #: The keys and the bodies of all requests.
    shown: list[str] = Factory(list)
    bodies: list[bytes] = Factory(list)
    #: Replaces the normal answer to a request with an accepted key.
    answer: Callable[[], httpx.Response] | None = None

    async def handle(self, request: httpx.Request) -> httpx.Response:
        # Other tasks run before the answer arrives, as over a network.
        await asyncio.sleep(0)
        key = request.headers["x-internal-api-key"]
        self.shown.append(key)
        self.bodies.append(request.content)
        if key not in self.knows:
            return httpx.Response(self.refuses_with, text="who are you?")
        return (self.answer or ANSWERS[request.url.path])()


class Caller:
    """Both clients, with the same keys."""

    def __init__(self, service: KeyedService, keys: str) -> None:
        transport = httpx.MockTransport(service.handle)
        self.auth = AuthClient("http://auth", keys, HandSetClock(), transport=transport)
        self.inference = InferenceClient("http://inference", keys, transport=transport)
        self._tokens = 0
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self.auth)
        await self._stack.enter_async_context(self.inference)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def validate(self) -> None:
        self._tokens += 1
        assert (await self.auth.authenticate(f"token {self._tokens}")).id == "u"

    async def generate(self) -> None:
        frames: list[Frame] = []
        await self.inference.generate(REQUEST, frames.append)
        assert b"".join(frame.raw for frame in frames) == STREAM

    async def list_models(self) -> None:
        assert (await self.inference.list_models()).status == 200

    async def swap_model(self) -> None:
        assert (await self.inference.swap_model("eliza")).status == 202


CALLS = ["validate", "generate", "list_models", "swap_model", "ping"]


async def make(caller: Caller, name: str) -> None:
    match name:
        case "validate":
            await caller.validate()
        case "generate":
            await caller.generate()
        case "list_models":
            await caller.list_models()
        case "ping":
            await caller.inference.ping()
        case _:
            await caller.swap_model()


@pytest.mark.parametrize("name", CALLS)
async def test_one_key_is_shown_and_never_the_list(name: str) -> None:
    service = KeyedService({"new"})
    async with Caller(service, "new, old") as caller:
        await make(caller, name)

    assert service.shown == ["new"]


@pytest.mark.parametrize("name", CALLS)
async def test_after_a_refusal_the_other_key_is_tried_and_kept(name: str) -> None:
    service = KeyedService({"old"})
    async with Caller(service, "new,old") as caller:
        for _ in range(3):
            await make(caller, name)

    assert service.shown == ["new", "old", "old", "old"]
    assert service.bodies[0] == service.bodies[1]


@pytest.mark.parametrize("name", CALLS)
async def test_a_key_is_changed_over_there_and_every_request_is_answered(name: str) -> None:
    service = KeyedService({"old"})
    async with Caller(service, "old,new") as caller:
        for number in range(20):
            if number == 10:
                service.knows = {"new"}
            await make(caller, name)

    assert len(service.shown) == 21


@pytest.mark.parametrize("name", CALLS)
async def test_concurrent_refusals_cost_one_more_call_each_and_later_calls_none(name: str) -> None:
    service = KeyedService({"new"})
    async with Caller(service, "old,new") as caller:
        await asyncio.gather(*(make(caller, name) for _ in range(30)))
        assert len(service.shown) <= 60
        service.shown.clear()

        await asyncio.gather(*(make(caller, name) for _ in range(30)))

    assert service.shown == ["new"] * 30


async def test_each_refusal_costs_one_call_until_the_right_key_is_found() -> None:
    service = KeyedService({"d"})
    async with Caller(service, "a,b,c,d") as caller:
        for _ in range(2):
            with pytest.raises(AuthUnavailableError):
                await caller.validate()
        await caller.validate()

    assert service.shown == ["a", "b", "a", "c", "a", "d"]


@pytest.mark.parametrize(("keys", "calls"), [("wrong", 1), ("wrong,also-wrong", 2), ("a,b,c,d,e", 2)])
async def test_keys_that_are_all_refused_cost_one_more_call_at_most(keys: str, calls: int) -> None:
    service = KeyedService(set())
    async with Caller(service, keys) as caller:
        with pytest.raises(AuthUnavailableError):
            await caller.validate()
        for refused in (caller.generate(), caller.list_models(), caller.swap_model(), caller.inference.ping()):
            with pytest.raises(InferenceKeyRefusedError):
                await refused

    assert len(service.shown) == 5 * calls


async def test_a_request_refused_with_every_key_does_not_affect_others() -> None:
    # A firewall answers like this to a token that looks like an attack.
    service = KeyedService({"right", "other"}, answer=lambda: httpx.Response(403))
    async with Caller(service, "right,other,third") as caller:
        for _ in range(5):
            with pytest.raises(AuthUnavailableError):
                await caller.validate()
        service.answer = None
        service.shown.clear()

        await caller.validate()

    assert service.shown == ["right"]


async def test_an_inference_service_may_refuse_a_key_with_401_as_well() -> None:
    service = KeyedService({"new"}, refuses_with=401)
    async with Caller(service, "old,new") as caller:
        await caller.generate()

    assert service.shown == ["old", "new"]


@pytest.mark.parametrize("status", [400, 404, 409, 429, 500, 503])
async def test_no_other_failure_is_about_our_key(status: int) -> None:
    service = KeyedService({"first", "second"}, answer=lambda: httpx.Response(status))
    async with Caller(service, "first,second") as caller:
        with pytest.raises(AuthUnavailableError):
            await caller.validate()
        with pytest.raises(InferenceRefusedError):
            await caller.generate()
        with pytest.raises(ModelsRefusedError):
            await caller.inference.swap_model("eliza")

    assert service.shown == ["first"] * 3


async def test_401_of_the_auth_service_is_about_the_token() -> None:
    service = KeyedService(set(), refuses_with=401)
    async with Caller(service, "old,new") as caller:
        with pytest.raises(NotAuthenticatedError):
            await caller.validate()

    assert service.shown == ["old"]
