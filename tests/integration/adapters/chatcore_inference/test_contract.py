"""The client keeps the promises of the inference port and of the models port, over real sockets."""

from collections.abc import AsyncIterator, Sequence

import orjson
import pytest
from tests.integration.inference_server import (
    LAST_CHUNK,
    STREAM_HEAD,
    InferenceServer,
    Request,
    Script,
    answer,
    chunk,
    hang,
    keep_alive,
    packets,
    reset,
)

from chatcore.conversations.history import HistoryMessage
from chatcore.conversations.message import Role
from chatcore.replies.sampling import Sampling
from chatcore.testing import (
    InferenceContract,
    InferenceScript,
    ModelsContract,
    ModelsScript,
    ReplyEnd,
    SeenGenerate,
    SeenModels,
    SeenSwap,
)
from chatcore_inference import InferenceClient, InferenceTimeouts

PATHS = ("/generate", "/models", "/models/swap")


class ScriptedServer(InferenceServer):
    """What the contracts of both ports make a server do."""

    def always(self, script: Script) -> None:
        for path in PATHS:
            self.on(path, script)

    def fall_silent(self) -> None:
        self.always(hang)

    async def go_away(self) -> None:
        await self.stop()


class ScriptedInferenceServer(ScriptedServer, InferenceScript):
    """Does what the inference contract says."""

    def send(self, *frames: bytes, end: ReplyEnd = ReplyEnd.CLOSE, packet_bytes: int | None = None) -> None:
        wire = STREAM_HEAD + b"".join(map(chunk, frames)) + (LAST_CHUNK if end is ReplyEnd.CLOSE else b"")
        size = packet_bytes or len(wire)
        then = {ReplyEnd.CLOSE: keep_alive, ReplyEnd.BREAK: reset, ReplyEnd.SILENCE: hang}[end]
        self.on("/generate", packets(*(wire[at : at + size] for at in range(0, len(wire), size)), then=then))

    def answer(self, status: int, body: bytes, media_type: str) -> None:
        self.always(answer(status, body, media_type))

    @property
    def seen(self) -> Sequence[SeenGenerate]:
        return [_as_generate(request) for request in self.requests if request.path == "/generate"]

    async def until_closed_early(self) -> None:
        await self.until(lambda: self.early_closes > 0)


class ScriptedModelsServer(ScriptedServer, ModelsScript):
    """Does what the models contract says."""

    def answer_with(self, document: bytes) -> None:
        self.always(answer(200, document))

    def refuse_with(self, document: bytes) -> None:
        self.always(answer(409, document))

    @property
    def seen(self) -> Sequence[SeenModels | SeenSwap]:
        return [_as_models_or_swap(request) for request in self.requests]


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
