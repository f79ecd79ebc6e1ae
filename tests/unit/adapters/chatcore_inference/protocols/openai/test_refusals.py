"""Tests which refusals say that the conversation is too long for the model."""

import pytest

from chatcore.errors import ContextTooLongError, InferenceRefusedError
from chatcore_inference.protocols.openai.refusals import has_error, refusal

TOO_LONG = {
    "OpenAI": {"error": {"message": "no", "type": "invalid_request_error", "code": "context_length_exceeded"}},
    "llama.cpp": {"error": {"code": 400, "message": "no", "type": "exceed_context_size_error", "n_ctx": 4096}},
    "older llama.cpp": {"error": {"code": 400, "message": "the request exceeds the available context size"}},
    "vLLM": {
        "object": "error",
        "message": "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens.",
        "type": "BadRequestError",
        "code": 400,
    },
    "SGLang": {"message": "The input (5000 tokens) is longer than the model's context length (4096 tokens)."},
    "TGI": {"error": "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000"},
    "LiteLLM": {"error": {"message": "litellm.ContextWindowExceededError: no", "type": None, "code": "400"}},
    "Mistral": {"detail": "Prompt contains 40000 tokens, too large for model with 32768 maximum context length"},
    "Anthropic": {"error": {"type": "invalid_request_error", "message": "prompt is too long: 200001 tokens > 200000"}},
    "Gemini": {"error": {"message": "The input token count (9) exceeds the maximum number of tokens allowed (8)."}},
}


@pytest.mark.parametrize("document", TOO_LONG.values(), ids=TOO_LONG)
def test_a_conversation_that_is_too_long_is_told_apart(document: object) -> None:
    assert isinstance(refusal(document), ContextTooLongError)


@pytest.mark.parametrize(
    "document",
    [
        None,
        5,
        "no",
        [],
        {},
        {"error": {"message": "Rate limit reached", "code": "rate_limit_exceeded"}},
        {"error": {"message": "max_tokens must be at least 1, got -1.", "type": "BadRequestError"}},
        {"error": {"message": ["maximum context length"]}},
        {"choices": [{"message": {"content": "maximum context length"}}]},
    ],
)
def test_any_other_refusal_is_an_error(document: object) -> None:
    assert type(refusal(document)) is InferenceRefusedError


@pytest.mark.parametrize("document", [{"error": {}}, {"error": "no"}, {"object": "error", "message": "no"}])
def test_an_error_is_seen(document: dict[str, object]) -> None:
    assert has_error(document)


@pytest.mark.parametrize("document", [{}, {"error": None}, {"error": False}, {"object": "chat.completion.chunk"}])
def test_no_error_is_none(document: dict[str, object]) -> None:
    assert not has_error(document)
