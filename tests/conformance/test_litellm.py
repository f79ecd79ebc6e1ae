"""The OpenAI adapter against LiteLLM's proxy, a server that nobody here wrote."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from chatcore.conversations.history import HistoryMessage
from chatcore.conversations.message import FinishReason, Role
from chatcore.conversations.parts import PartKind
from chatcore.errors import ContextTooLongError, InferenceRefusedError
from chatcore.ports import InferenceRequest
from chatcore.ports.inference import ClosingFrame
from chatcore.replies.sampling import Sampling
from chatcore.testing.inference.steps import FrameCollector
from chatcore_inference import InferenceClient, OpenAiProtocol
from tests.conformance.litellm_proxy import KEY, REPLY, running_litellm

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    async with running_litellm(tmp_path_factory.mktemp("litellm")) as url:
        yield url


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(url: str) -> AsyncIterator[InferenceClient]:
    async with InferenceClient(url, KEY, protocol=OpenAiProtocol()) as client:
        yield client


def request(model_tag: str) -> InferenceRequest:
    message = HistoryMessage(Role.USER, "I need a story.")
    return InferenceRequest(messages=(message,), sampling=Sampling(), model_tag=model_tag, user_id="user-1")


async def test_a_reply_comes_whole_with_its_end_and_its_cost(client: InferenceClient) -> None:
    reply = FrameCollector()
    await client.generate(request("tale"), reply)

    closing = reply.frames[-1]
    assert isinstance(closing, ClosingFrame)
    assert "".join(reply.tokens) == REPLY
    assert len(reply.tokens) > 1
    assert closing.finish_reason is FinishReason.STOP
    assert closing.token_count is not None
    assert closing.token_count > 0
    (usage,) = [frame.part for frame in reply.frames if frame.part is not None]
    assert (usage.kind, f'"completion_tokens":{closing.token_count}' in usage.body) == (PartKind.DATA, True)


@pytest.mark.parametrize(
    ("model_tag", "error"),
    [
        ("long", ContextTooLongError),
        ("limited", InferenceRefusedError),
        ("broken", InferenceRefusedError),
        ("unknown", InferenceRefusedError),
    ],
)
async def test_a_refusal_is_an_error_and_no_reply(
    client: InferenceClient, model_tag: str, error: type[InferenceRefusedError]
) -> None:
    reply = FrameCollector()
    with pytest.raises(InferenceRefusedError) as refused:
        await client.generate(request(model_tag), reply)

    assert (type(refused.value), reply.frames) == (error, [])


async def test_its_models_are_those_that_a_conversation_may_name(client: InferenceClient) -> None:
    offered = [name for name in ("tale", "long", "unknown", "") if await client.offers(name)]

    assert offered == ["tale", "long"]


async def test_another_key_makes_no_reply(url: str) -> None:
    async with InferenceClient(url, "sk-another", protocol=OpenAiProtocol()) as stranger:
        reply = FrameCollector()
        # Without a database, LiteLLM answers 400 and does not say that the key is wrong.
        with pytest.raises(InferenceRefusedError):
            await stranger.generate(request("tale"), reply)

    assert reply.frames == []
