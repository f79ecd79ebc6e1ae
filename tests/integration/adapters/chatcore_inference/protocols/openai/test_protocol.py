"""Runs the contract of the inference port against an OpenAI-compatible server over real sockets."""

import json
from collections.abc import AsyncIterator, Iterator, Sequence

import orjson
import pytest
from tests.integration.inference_server import InferenceServer, Request, answer, hang, scripted

from chatcore.conversations.history import HistoryMessage
from chatcore.conversations.message import Role
from chatcore.errors import CannotSwapError
from chatcore.replies.sampling import Sampling
from chatcore.testing import InferenceContract, InferenceScript, ScriptedReply, SeenGenerate
from chatcore_inference import InferenceClient, InferenceTimeouts, OpenAiProtocol

PATH = "/v1/chat/completions"
TIMEOUTS = InferenceTimeouts(first_frame_seconds=1, idle_seconds=0.5, answer_seconds=1, ping_seconds=1)


class OpenAiServer(InferenceServer, InferenceScript):
    """Does what the inference contract says, in OpenAI's protocol."""

    def reply_with(self, reply: ScriptedReply) -> None:
        self.on(PATH, scripted(reply, _events_of(reply)))

    def answer_with_an_error(self) -> None:
        self.on(PATH, answer(503, b'{"error":{"message":"Loading model","type":"unavailable_error","code":503}}'))

    def answer_with_something_else(self) -> None:
        self.on(PATH, answer(200, b"<html>", "text/html"))

    def fall_silent(self) -> None:
        for path in (PATH, "/v1/models"):
            self.on(path, hang)

    async def go_away(self) -> None:
        await self.stop()

    @property
    def seen(self) -> Sequence[SeenGenerate]:
        return [_as_generate(request) for request in self.requests if request.path == PATH]

    async def until_closed_early(self) -> None:
        await self.until(lambda: self.early_closes > 0)


def _events_of(reply: ScriptedReply) -> Iterator[bytes]:
    for token in reply.tokens:
        yield _event({"content": token})
    if reply.error is not None:
        yield b'data: {"error":{"message":"%b","code":500}}\n\n' % reply.error.encode()
    if reply.is_complete:
        yield _event({}, "stop")
        yield b"data: [DONE]\n\n"
    if reply.late is not None:
        yield _event({"content": reply.late})
    if reply.cut_off is not None:
        yield _event({"content": reply.cut_off})[:-1]


def _event(delta: dict[str, str], finish_reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    document = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    # Half of a surrogate pair is an escape.
    return f"data: {json.dumps(document)}\n\n".encode()


def _as_generate(request: Request) -> SeenGenerate:
    assert request.headers["authorization"] == "Bearer key"
    body = orjson.loads(request.body)
    messages = tuple(HistoryMessage(Role(m["role"]), m["content"]) for m in body["messages"])
    sampling = Sampling(**{name: body[name] for name in ("temperature", "max_tokens", "top_k")})
    return SeenGenerate(messages=messages, sampling=sampling, trace_id=request.headers.get("x-trace-id"))


@pytest.fixture
async def inference_service() -> AsyncIterator[OpenAiServer]:
    async with OpenAiServer() as server:
        server.reply_with(ScriptedReply(tokens=("Hel", "lo")))
        server.on("/v1/models", answer(200, b'{"object":"list","data":[{"id":"m"}]}'))
        yield server


@pytest.fixture
async def inference(inference_service: OpenAiServer) -> AsyncIterator[InferenceClient]:
    protocol = OpenAiProtocol(sends_top_k=True)
    async with InferenceClient(
        f"{inference_service.base_url}/v1", "key", timeouts=TIMEOUTS, protocol=protocol
    ) as client:
        yield client


class TestOpenAiProtocol(InferenceContract):
    """Runs the contract of the inference port."""


async def test_the_list_of_models_is_passed_on(inference: InferenceClient, inference_service: OpenAiServer) -> None:
    models = await inference.list_models(trace_id="trace-1")

    assert models.content == b'{"object":"list","data":[{"id":"m"}]}'
    (request,) = inference_service.requests
    assert (request.method, request.path) == ("GET", "/v1/models")
    assert request.headers["authorization"] == "Bearer key"
    assert request.headers["x-trace-id"] == "trace-1"


async def test_no_model_is_swapped(inference: InferenceClient, inference_service: OpenAiServer) -> None:
    with pytest.raises(CannotSwapError):
        await inference.swap_model("m")

    assert inference_service.requests == []
