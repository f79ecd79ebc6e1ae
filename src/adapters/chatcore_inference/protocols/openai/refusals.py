"""Finds out why an OpenAI-compatible server refuses a request or breaks a reply off."""

import re
from collections.abc import Mapping

from chatcore.errors import ContextTooLongError, InferenceRefusedError
from chatcore_inference.protocols.openai.loose_json import object_or_empty, text_or_empty

# `error` in a chunk that reports none: some servers have the key in every chunk. False equals 0.
_NO_ERROR = (None, False)
# The codes and sentences of OpenAI, Azure, vLLM, SGLang, llama.cpp, TGI, LiteLLM, Mistral, Gemini and Anthropic.
_CONTEXT_TOO_LONG = re.compile(
    r"context[_ ](?:length|size|window)|exceed_context_size|ContextWindowExceeded|prompt is too long"
    r"|maximum (?:number of tokens|context|input length)|max_new_tokens|too many tokens",
    re.IGNORECASE,
)

_WORDS = ("error", "code", "type", "message", "detail")


def has_error(document: Mapping[str, object]) -> bool:
    """Returns whether a document or chunk reports an error."""
    return ("error" in document and document["error"] not in _NO_ERROR) or document.get("object") == "error"


def refusal(document: object) -> InferenceRefusedError:
    """Returns the error for a document that refuses a request, or for a chunk that reports an error."""
    outer = object_or_empty(document)
    # Servers put the code, the type and the sentence of an error into the document, or into its `error`.
    words = (fields.get(name) for fields in (outer, object_or_empty(outer.get("error"))) for name in _WORDS)
    if any(_CONTEXT_TOO_LONG.search(text_or_empty(each)) for each in words):
        return ContextTooLongError()
    return InferenceRefusedError()
