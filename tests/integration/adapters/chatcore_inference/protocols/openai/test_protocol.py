"""Runs the contract of the inference port against an OpenAI-compatible server over real sockets."""

from collections.abc import AsyncIterator, Iterator, Sequence

import orjson
import pytest
from tests.integration.adapters.chatcore_inference.protocols.openai.openai_server import DONE, PATH, OpenAiServer, event
from tests.integration.inference_server import Request, answer, hang, scripted

from chatcore.conversations.history import HistoryMessage
from chatcore.conversations.message import Role
from chatcore.errors import CannotSwapError, InferenceRefusedError, InferenceTimeoutError, ModelsRefusedError
from chatcore.replies.sampling import Sampling
from chatcore.testing import InferenceContract, InferenceScript, ScriptedReply, SeenGenerate
from chatcore_inference import InferenceClient, InferenceTimeouts, OpenAiProtocol

TIMEOUTS = InferenceTimeouts(first_frame_seconds=1, idle_seconds=0.5, answer_seconds=1, ping_seconds=1)


class ScriptedOpenAiServer(OpenAiServer, InferenceScript):
    """Does what the inference contract says, in OpenAI's protocol."""

    def reply_with(self, reply: ScriptedReply) -> None:
        self.completing(scripted(reply, _events_of(reply)))

    def answer_with_an_error(self) -> None:
        self.completing(answer(503, b'{"error":{"message":"Loading model","type":"unavailable_error","code":503}}'))

    def answer_with_something_else(self) -> None:
        self.completing(answer(200, b"<html>", "text/html"))

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
        yield event({"content": token})
    if reply.error is not None:
        yield b'data: {"error":{"message":"%b","code":500}}\n\n' % reply.error.encode()
    if reply.is_complete:
        yield event({}, "stop")
        yield DONE
    if reply.late is not None:
        yield event({"content": reply.late})
    if reply.cut_off is not None:
        yield event({"content": reply.cut_off})[:-1]


def _as_generate(request: Request) -> SeenGenerate:
    assert request.headers["authorization"] == "Bearer key"
    body = orjson.loads(request.body)
    messages = tuple(HistoryMessage(Role(m["role"]), m["content"]) for m in body["messages"])
    sampling = Sampling(**{name: body[name] for name in ("temperature", "max_tokens", "top_k")})
    return SeenGenerate(messages=messages, sampling=sampling, trace_id=request.headers.get("x-trace-id"))


@pytest.fixture
async def inference_service() -> AsyncIterator[ScriptedOpenAiServer]:
    async with ScriptedOpenAiServer() as server:
        yield server


@pytest.fixture
async def inference(inference_service: ScriptedOpenAiServer) -> AsyncIterator[InferenceClient]:
    protocol = OpenAiProtocol(sends_top_k=True)
    async with InferenceClient(
        f"{inference_service.base_url}/v1", "key", timeouts=TIMEOUTS, protocol=protocol
    ) as client:
        yield client


class TestOpenAiProtocol(InferenceContract):
    """Runs the contract of the inference port."""


async def test_the_list_of_models_is_passed_on(
    inference: InferenceClient, inference_service: ScriptedOpenAiServer
) -> None:
    models = await inference.list_models(trace_id="trace-1")

    assert models.content == b'{"object":"list","data":[{"id":"m"}]}'
    (request,) = inference_service.requests
    assert (request.method, request.path) == ("GET", "/v1/models")
    assert request.headers["authorization"] == "Bearer key"
    assert request.headers["x-trace-id"] == "trace-1"


async def test_no_model_is_swapped(inference: InferenceClient, inference_service: ScriptedOpenAiServer) -> None:
    with pytest.raises(CannotSwapError):
        await inference.swap_model("m")

    assert inference_service.requests == []


async def test_the_list_says_which_models_there_are(
    inference: InferenceClient, inference_service: ScriptedOpenAiServer
) -> None:
    assert await inference.offers("m", trace_id="trace-1")
    assert not await inference.offers("M")
    assert [request.headers.get("x-trace-id") for request in inference_service.requests] == ["trace-1", None]


async def test_without_a_list_it_is_unknown_which_models_there_are(
    inference: InferenceClient, inference_service: ScriptedOpenAiServer
) -> None:
    for script, error in (
        (answer(404, b"{}"), ModelsRefusedError),
        (answer(200, b"<html>"), InferenceRefusedError),
        (hang, InferenceTimeoutError),
    ):
        inference_service.on("/v1/models", script)
        with pytest.raises(error):
            await inference.offers("m")
