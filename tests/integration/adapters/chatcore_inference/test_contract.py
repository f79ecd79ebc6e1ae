"""The HTTP adapter keeps the inference port's promises, over real sockets."""

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
from chatcore.testing import InferenceContract, InferenceScript, ReplyEnd, SeenGenerate, SeenModels, SeenSwap
from chatcore_inference import InferenceClient, InferenceTimeouts

PATHS = ("/generate", "/models", "/models/swap")


class ScriptedServer(InferenceServer, InferenceScript):
    """The raw server, in the words of the contract."""

    def send(self, *frames: bytes, end: ReplyEnd = ReplyEnd.CLOSE, packet_bytes: int | None = None) -> None:
        wire = STREAM_HEAD + b"".join(map(chunk, frames)) + (LAST_CHUNK if end is ReplyEnd.CLOSE else b"")
        size = packet_bytes or len(wire)
        then = {ReplyEnd.CLOSE: keep_alive, ReplyEnd.BREAK: reset, ReplyEnd.SILENCE: hang}[end]
        self.on("/generate", packets(*(wire[at : at + size] for at in range(0, len(wire), size)), then=then))

    def answer(self, status: int, body: bytes, media_type: str) -> None:
        self._always(answer(status, body, media_type))

    def fall_silent(self) -> None:
        self._always(hang)

    async def go_away(self) -> None:
        await self.stop()

    @property
    def seen(self) -> Sequence[SeenGenerate | SeenModels | SeenSwap]:
        return [_as_seen(request) for request in self.requests]

    async def until_closed_early(self) -> None:
        await self.until(lambda: self.early_closes > 0)

    def _always(self, script: Script) -> None:
        for path in PATHS:
            self.on(path, script)


def _as_seen(request: Request) -> SeenGenerate | SeenModels | SeenSwap:
    trace_id = request.headers.get("x-trace-id")
    assert request.headers["x-internal-api-key"] == "key"
    match request.method, request.path:
        case "GET", "/models":
            return SeenModels(trace_id)
        case "POST", "/models/swap":
            return SeenSwap(orjson.loads(request.body)["model_tag"], trace_id)
        case _:
            return _as_generate(orjson.loads(request.body), trace_id)


def _as_generate(body: dict[str, list[dict[str, str]]], trace_id: str | None) -> SeenGenerate:
    messages = tuple(HistoryMessage(Role(m["role"]), m["content"]) for m in body.pop("messages"))
    return SeenGenerate(messages=messages, sampling=Sampling(**body), trace_id=trace_id)  # type: ignore[arg-type] # numbers


class TestInferenceClient(InferenceContract):
    @pytest.fixture
    async def inference_service(self) -> AsyncIterator[ScriptedServer]:
        async with ScriptedServer() as server:
            yield server

    @pytest.fixture
    async def inference(self, inference_service: ScriptedServer) -> AsyncIterator[InferenceClient]:
        timeouts = InferenceTimeouts(first_frame_seconds=1, idle_seconds=0.5, answer_seconds=1, ping_seconds=1)
        async with InferenceClient(inference_service.base_url, "key", timeouts=timeouts) as client:
            yield client
