"""Builds the body of a request for a chat completion."""

from collections.abc import Iterator, Mapping
from enum import StrEnum

import orjson

from chatcore.conversations.message import DEFAULT_MODEL_TAG, Role
from chatcore.ports import InferenceRequest


class Continuation(StrEnum):
    """Names the ways in which servers are asked to go on from the beginning of their own answer."""

    #: The server cannot.
    NONE = "none"
    #: The server goes on from the last message if that is the assistant's, as llama.cpp does.
    PREFILL = "prefill"
    #: The same, if two more fields say so, as for vLLM and SGLang.
    VLLM = "vllm"


_CONTINUES: Mapping[Continuation, Mapping[str, object]] = {
    Continuation.NONE: {},
    Continuation.PREFILL: {},
    Continuation.VLLM: {"continue_final_message": True, "add_generation_prompt": False},
}


def request_body(
    request: InferenceRequest, *, model: str | None, continuation: Continuation, sends_top_k: bool
) -> bytes:
    """Returns the body of the request.

    Args:
        request: the request.
        model: the model of conversations that name none; None leaves the choice to the server.
        continuation: how the server is asked to go on from its own text.
        sends_top_k: whether the server takes `top_k`, which OpenAI itself refuses.
    """
    sampling = request.sampling
    body: dict[str, object] = {
        **sampling.passed,
        "messages": list(_messages(request)),
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": sampling.temperature,
        "max_tokens": sampling.max_tokens,
    }
    model = model if request.model_tag == DEFAULT_MODEL_TAG else request.model_tag
    if model is not None:
        body["model"] = model
    if sends_top_k:
        body["top_k"] = sampling.top_k
    if request.so_far:
        body |= _CONTINUES[continuation]
    return orjson.dumps(body)


def _messages(request: InferenceRequest) -> Iterator[dict[str, str]]:
    if request.instructions:
        yield {"role": Role.SYSTEM, "content": request.instructions}
    for message in request.messages:
        yield {"role": message.role, "content": message.content}
    if request.so_far:
        yield {"role": Role.ASSISTANT, "content": request.so_far}
