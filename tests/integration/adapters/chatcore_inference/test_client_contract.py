"""Runs the contracts of the inference port and of the models port over real sockets."""

import json
from collections.abc import AsyncIterator, Iterator, Sequence

import orjson
import pytest
from tests.integration.inference_server import DONE, InferenceServer, Request, Script, answer, hang, scripted

from chatcore.conversations.history import HistoryMessage
from chatcore.conversations.message import Role
from chatcore.ports import ModelsDocument
from chatcore.replies.sampling import Sampling
from chatcore.testing import (
    InferenceContract,
    InferenceScript,
    ModelsContract,
    ModelsScript,
    ScriptedReply,
    SeenGenerate,
    SeenModels,
    SeenSwap,
)
from chatcore_inference import InferenceClient, InferenceTimeouts

PATHS = ("/generate", "/models", "/models/swap")


class ScriptedServer(InferenceServer):
    """Does what the contracts of both ports have in common."""

    def always(self, script: Script) -> None:
        for path in PATHS:
            self.on(path, script)

    def fall_silent(self) -> None:
        self.always(hang)

    async def go_away(self) -> None:
        await self.stop()


class ScriptedInferenceServer(ScriptedServer, InferenceScript):
    """Does what the inference contract says."""

    def reply_with(self, reply: ScriptedReply) -> None:
        self.on("/generate", scripted(reply, _events_of(reply)))

    def answer_with_an_error(self) -> None:
        self.on("/generate", answer(503, b'{"detail":"no model is loaded"}'))

    def answer_with_something_else(self) -> None:
        self.on("/generate", answer(200, b"<html>", "text/html"))

    @property
    def seen(self) -> Sequence[SeenGenerate]:
        return [_as_generate(request) for request in self.requests if request.path == "/generate"]

    async def until_closed_early(self) -> None:
        await self.until(lambda: self.early_closes > 0)


class ScriptedModelsServer(ScriptedServer, ModelsScript):
    """Does what the models contract says."""

    def answer_with(self, document: ModelsDocument) -> None:
        self.always(answer(document.status, document.content, document.media_type))

    def refuse_with(self, document: ModelsDocument) -> None:
        self.answer_with(document)

    @property
    def seen(self) -> Sequence[SeenModels | SeenSwap]:
        return [_as_models_or_swap(request) for request in self.requests]


def _events_of(reply: ScriptedReply) -> Iterator[bytes]:
    yield from map(_event, reply.tokens)
    if reply.error is not None:
        yield b'data: {"error":"%b"}\n\n' % reply.error.encode()
    if reply.is_complete:
        yield DONE
    if reply.late is not None:
        yield _event(reply.late)
    if reply.cut_off is not None:
        yield _event(reply.cut_off)[:-1]


def _event(token: str) -> bytes:
    # As the service encodes it, so that half of a surrogate pair is an escape.
    return f"data: {json.dumps({'token': token, 'gpu': 0})}\n\n".encode()


def _as_generate(request: Request) -> SeenGenerate:
    assert request.headers["x-internal-api-key"] == "key"
    body = orjson.loads(request.body)
    messages = tuple(HistoryMessage(Role(m["role"]), m["content"]) for m in body.pop("messages"))
    return SeenGenerate(messages=messages, sampling=Sampling(**body), trace_id=request.headers.get("x-trace-id"))


def _as_models_or_swap(request: Request) -> SeenModels | SeenSwap:
    assert request.headers["x-internal-api-key"] == "key"
    trace_id = request.headers.get("x-trace-id")
    if request.method == "GET":
        return SeenModels(trace_id)
    return SeenSwap(orjson.loads(request.body)["model_tag"], trace_id)


TIMEOUTS = InferenceTimeouts(first_frame_seconds=1, idle_seconds=0.5, answer_seconds=1, ping_seconds=1)


class TestInferenceClient(InferenceContract):
    @pytest.fixture
    async def inference_service(self) -> AsyncIterator[ScriptedInferenceServer]:
        async with ScriptedInferenceServer() as server:
            yield server

    @pytest.fixture
    async def inference(self, inference_service: ScriptedInferenceServer) -> AsyncIterator[InferenceClient]:
        async with InferenceClient(inference_service.base_url, "key", timeouts=TIMEOUTS) as client:
            yield client


class TestInferenceClientForModels(ModelsContract):
    @pytest.fixture
    async def models_service(self) -> AsyncIterator[ScriptedModelsServer]:
        async with ScriptedModelsServer() as server:
            yield server

    @pytest.fixture
    async def models(self, models_service: ScriptedModelsServer) -> AsyncIterator[InferenceClient]:
        async with InferenceClient(models_service.base_url, "key", timeouts=TIMEOUTS) as client:
            yield client
