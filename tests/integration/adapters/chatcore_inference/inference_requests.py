"""Provides requests that the tests of the inference client share."""

import pytest

from chatcore.conversations.history import HistoryMessage
from chatcore.conversations.message import Role
from chatcore.errors import InferenceError
from chatcore.ports import InferenceRequest
from chatcore.replies.sampling import Sampling
from chatcore_inference import InferenceClient

REQUEST = InferenceRequest(
    messages=(HistoryMessage(Role.USER, "Hi"),), sampling=Sampling(), user_id="user-1", trace_id="trace-1"
)


async def text_of(client: InferenceClient) -> str:
    """Returns the text of a reply."""
    tokens: list[str] = []
    await client.generate(REQUEST, lambda frame: tokens.append(frame.token or ""))
    return "".join(tokens)


async def failure_of(client: InferenceClient) -> tuple[list[bytes], InferenceError]:
    """Returns the frames that came before a reply failed, and the error."""
    frames: list[bytes] = []
    with pytest.raises(InferenceError) as caught:
        await client.generate(REQUEST, lambda frame: frames.append(frame.raw))
    return frames, caught.value
