"""The OpenAI adapter against a server that nobody here wrote, with a real language model."""

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import orjson
import pytest
from tests.integration.faults.waiting import eventually
from tests.integration.language_model import LanguageModel, needs_language_model

from chatcore.conversations.history import HistoryMessage
from chatcore.conversations.message import FinishReason, Role
from chatcore.errors import ContextTooLongError
from chatcore.ports import InferenceRequest
from chatcore.ports.inference import ClosingFrame
from chatcore.replies.sampling import Sampling
from chatcore.testing.inference.steps import FrameCollector
from chatcore_inference import Continuation, InferenceClient, OpenAiProtocol

pytestmark = needs_language_model

_QUESTION = "I need a story about a lighthouse keeper."


def _request(
    question: str = _QUESTION, *, max_tokens: int = 40, temperature: float = 0, so_far: str = ""
) -> InferenceRequest:
    return InferenceRequest(
        messages=(HistoryMessage(Role.USER, question),),
        sampling=Sampling(temperature=temperature, max_tokens=max_tokens),
        user_id="user-1",
        so_far=so_far,
    )


@pytest.fixture
async def client(language_model: LanguageModel) -> AsyncIterator[InferenceClient]:
    protocol = OpenAiProtocol(continuation=Continuation.PREFILL, sends_top_k=True)
    async with InferenceClient(language_model.api, language_model.key, protocol=protocol) as client:
        yield client


async def _reply(client: InferenceClient, request: InferenceRequest) -> FrameCollector:
    received = FrameCollector()
    await asyncio.wait_for(client.generate(request, received), 60)
    return received


def _closing(reply: FrameCollector) -> ClosingFrame:
    closing = reply.frames[-1]
    assert isinstance(closing, ClosingFrame)
    return closing


async def test_a_reply_comes_word_by_word_and_costs_what_the_server_says(
    client: InferenceClient, language_model: LanguageModel
) -> None:
    reply = await _reply(client, _request())
    document = await asyncio.to_thread(
        language_model.completion, [{"role": "user", "content": _QUESTION}], temperature=0, max_tokens=40
    )

    assert reply.is_complete
    reply.require_our_format()
    assert len(reply.tokens) > 20
    assert len("".join(reply.tokens).split()) > 20
    closing = _closing(reply)
    assert closing.finish_reason is FinishReason.LENGTH
    assert closing.token_count == 40
    usage = orjson.loads(closing.usage or "")
    expected = cast("dict[str, object]", document["usage"])
    for name in ("prompt_tokens", "completion_tokens", "total_tokens"):
        assert usage[name] == expected[name]


async def test_a_model_that_has_said_everything_stops(client: InferenceClient) -> None:
    reply = await _reply(client, _request("Say hello.", max_tokens=500))

    assert _closing(reply).finish_reason is FinishReason.STOP
    assert 0 < (_closing(reply).token_count or 0) < 500


async def test_a_stopped_reply_costs_the_server_nothing_more(
    client: InferenceClient, language_model: LanguageModel
) -> None:
    received = FrameCollector()
    # The model would write for a minute: longer than this test waits.
    generating = asyncio.create_task(client.generate(_request(max_tokens=3000), received))
    await asyncio.wait_for(received.has_token.wait(), 60)
    assert await asyncio.to_thread(language_model.is_working)

    generating.cancel()
    with pytest.raises(asyncio.CancelledError):
        await generating

    await eventually(
        lambda: _is_idle(language_model), within=5, what="the end of the model's work for a reply that nobody reads"
    )
    assert not received.is_complete


async def _is_idle(language_model: LanguageModel) -> bool:
    return not await asyncio.to_thread(language_model.is_working)


async def test_a_continued_reply_goes_on_from_its_prefix(client: InferenceClient) -> None:
    question, so_far = "The days of the week are, in order:", "Monday, Tuesday,"

    reply = await _reply(client, _request(question, max_tokens=5, so_far=so_far))

    assert "".join(reply.tokens).startswith(" Wednesday, Thursday")
    assert _closing(reply).token_count == 5


async def test_a_message_that_the_model_cannot_hold_is_refused_as_too_long(client: InferenceClient) -> None:
    # Each of these characters is several tokens.
    with pytest.raises(ContextTooLongError):
        await _reply(client, _request("\U0001f980" * 8000))


async def test_the_list_of_models_names_the_model(client: InferenceClient) -> None:
    document = await client.list_models()

    assert document.status == 200
    assert [model["id"] for model in orjson.loads(document.content)["data"]] == ["smollm2-135m-instruct"]
