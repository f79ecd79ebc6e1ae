"""Runs the contracts of the inference port and of the models port, and tests that scripts are followed."""

import asyncio
from collections.abc import Callable, Iterator

import pytest

from chatcore.conversations.history import HistoryMessage
from chatcore.conversations.message import Role
from chatcore.errors import (
    InferenceError,
    InferenceInterruptedError,
    InferenceRefusedError,
    InferenceTimeoutError,
    InferenceUnreachableError,
    ModelsRefusedError,
)
from chatcore.ports import Frame, InferenceRequest, ModelsDocument
from chatcore.replies.sampling import Sampling
from chatcore.testing import (
    InferenceContract,
    ModelsContract,
    ReplyEnd,
    ScriptedReply,
    SeenGenerate,
    SeenModels,
    SeenSwap,
)
from chatcore_memory import DONE_FRAME, PAUSE, CallState, ScriptedInference, Step, token_frame


class RecordingInference(ScriptedInference):
    """Serves as its own script and records requests, also while it is away."""

    def __init__(self) -> None:
        super().__init__(patience_seconds=0.02)
        self.seen: list[SeenGenerate] = []

    async def generate(self, request: InferenceRequest, on_frame: Callable[[Frame], None]) -> None:
        first = () if request.instructions is None else (HistoryMessage(Role.SYSTEM, request.instructions),)
        messages = (*first, *request.messages)
        self.seen.append(SeenGenerate(messages=messages, sampling=request.sampling, trace_id=request.trace_id))
        await super().generate(request, on_frame)

    def reply_with(self, reply: ScriptedReply) -> None:
        self.play(*_steps_of(reply))

    def answer_with_an_error(self) -> None:
        self.play(InferenceRefusedError())

    def answer_with_something_else(self) -> None:
        self.play(InferenceRefusedError())

    def fall_silent(self) -> None:
        self.outage = InferenceTimeoutError()

    async def go_away(self) -> None:
        self.outage = InferenceUnreachableError()

    async def until_closed_early(self) -> None:
        await self.until(lambda: any(c.state in {CallState.CANCELLED, CallState.FAILED} for c in self.calls))


def _steps_of(reply: ScriptedReply) -> Iterator[Step]:
    yield from map(token_frame, reply.tokens)
    if reply.error is not None:
        yield b'data: {"error":"%b"}\n\n' % reply.error.encode()
    if reply.is_complete:
        yield DONE_FRAME
    if reply.late is not None:
        yield token_frame(reply.late)
    if reply.cut_off is not None:
        yield token_frame(reply.cut_off)[:-1]
    if reply.end is ReplyEnd.SILENCE:
        yield PAUSE


class RecordingModels(ScriptedInference):
    """Serves as its own script and records requests, also while it is away."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[SeenModels | SeenSwap] = []

    async def list_models(self, *, trace_id: str | None = None) -> ModelsDocument:
        self.seen.append(SeenModels(trace_id))
        return await super().list_models(trace_id=trace_id)

    async def swap_model(self, model_tag: str, *, trace_id: str | None = None) -> ModelsDocument:
        self.seen.append(SeenSwap(model_tag, trace_id))
        return await super().swap_model(model_tag, trace_id=trace_id)

    def answer_with(self, document: ModelsDocument) -> None:
        self.models = self.swap_answer = document

    def refuse_with(self, document: ModelsDocument) -> None:
        self.models = self.swap_answer = ModelsRefusedError(
            document.content, status=document.status, media_type=document.media_type
        )

    def fall_silent(self) -> None:
        self.outage = InferenceTimeoutError()

    async def go_away(self) -> None:
        self.outage = InferenceUnreachableError()


class TestScriptedInference(InferenceContract):
    @pytest.fixture
    def inference(self) -> RecordingInference:
        return RecordingInference()

    @pytest.fixture
    def inference_service(self, inference: RecordingInference) -> RecordingInference:
        return inference


class TestScriptedInferenceForModels(ModelsContract):
    @pytest.fixture
    def models(self) -> RecordingModels:
        return RecordingModels()

    @pytest.fixture
    def models_service(self, models: RecordingModels) -> RecordingModels:
        return models


@pytest.fixture
def inference() -> ScriptedInference:
    return ScriptedInference()


async def test_it_says_hello_until_told_otherwise(inference: ScriptedInference) -> None:
    assert await _tokens(inference) == ["Hello"]


async def test_it_says_what_it_is_told_every_time(inference: ScriptedInference) -> None:
    inference.say("Hel", "lo \ud83d", "\u2028")

    for _ in range(2):
        assert await _tokens(inference) == ["Hel", "lo \ud83d", "\u2028"]


async def test_plans_for_the_next_replies_come_first_one_each(inference: ScriptedInference) -> None:
    inference.say("always")
    inference.play_next(token_frame("first"), DONE_FRAME)
    inference.play_next(token_frame("second"), DONE_FRAME)

    assert [await _tokens(inference) for _ in range(3)] == [["first"], ["second"], ["always"]]


@pytest.mark.parametrize("error", [InferenceTimeoutError(), InferenceInterruptedError(), InferenceRefusedError()])
async def test_it_fails_where_the_script_says(inference: ScriptedInference, error: InferenceError) -> None:
    inference.play(token_frame("Hel"), error, token_frame("lo"), DONE_FRAME)
    frames: list[Frame] = []

    with pytest.raises(type(error)):
        await inference.generate(_request(), frames.append)

    assert [frame.token for frame in frames] == ["Hel"]
    assert inference.calls[0].state is CallState.FAILED


async def test_it_hangs_until_it_is_released(inference: ScriptedInference) -> None:
    inference.play(token_frame("Hel"), PAUSE, token_frame("lo"), PAUSE, DONE_FRAME)
    frames: list[Frame] = []
    task = asyncio.create_task(inference.generate(_request(), frames.append))

    for expected in (["Hel"], ["Hel", "lo"]):
        await inference.until_paused()
        assert [frame.token for frame in frames] == expected
        inference.release()
    await task

    assert inference.calls[0].state is CallState.ENDED


async def test_it_records_what_it_was_asked_and_how_that_ended(inference: ScriptedInference) -> None:
    request = _request("Hello", trace_id="trace-1")
    inference.play_next(PAUSE)
    task = asyncio.create_task(inference.generate(request, list[Frame]().append))
    await inference.until_paused()
    assert [(call.request, call.state) for call in inference.calls] == [(request, CallState.RUNNING)]

    task.cancel()
    await inference.until_cancelled()

    assert [(call.request, call.state) for call in inference.calls] == [(request, CallState.CANCELLED)]
    assert inference.trace_ids == ["trace-1"]


async def test_models_and_swaps_are_answered_as_told(inference: ScriptedInference) -> None:
    inference.models = ModelsRefusedError(b"draining", status=503, media_type="text/plain")
    inference.swap_answer = ModelsDocument(content=b"{}", status=202)

    with pytest.raises(ModelsRefusedError) as refused:
        await inference.list_models()
    assert refused.value is inference.models
    assert await inference.swap_model("eliza", trace_id="trace-1") == inference.swap_answer
    assert inference.swapped == ["eliza"]
    assert inference.trace_ids == [None, "trace-1"]


async def test_during_an_outage_every_call_fails_and_none_is_recorded(inference: ScriptedInference) -> None:
    inference.outage = InferenceUnreachableError()

    for attempt in (_tokens(inference), inference.list_models(), inference.swap_model("eliza"), inference.ping()):
        with pytest.raises(InferenceUnreachableError):
            await attempt

    assert inference.calls == []
    assert inference.swapped == []


def _request(content: str = "Hello", *, trace_id: str | None = None) -> InferenceRequest:
    return InferenceRequest(
        messages=(HistoryMessage(Role.USER, content),), sampling=Sampling(), user_id="alice", trace_id=trace_id
    )


async def _tokens(inference: ScriptedInference) -> list[str | None]:
    frames: list[Frame] = []
    await inference.generate(_request(), frames.append)
    return [frame.token for frame in frames if not frame.is_closing]
