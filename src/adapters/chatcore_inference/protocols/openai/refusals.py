"""Finds out why an OpenAI-compatible server refuses a request or breaks a reply off."""

import re
from collections.abc import Mapping
from typing import cast

from chatcore.errors import ContextTooLongError, InferenceRefusedError

# `error` in a chunk that reports none: some servers have the key in every chunk. False equals 0.
_NO_ERROR = (None, False)
# The codes and sentences of OpenAI, Azure, vLLM, SGLang, llama.cpp, TGI, LiteLLM, Mistral, Gemini and Anthropic.
_CONTEXT_TOO_LONG = re.compile(
    r"context[_ ](?:length|size|window)|exceed_context_size|ContextWindowExceeded|prompt is too long"
    r"|maximum (?:number of tokens|context|input length)|max_new_tokens|too many tokens",
    re.IGNORECASE,
)


def has_error(document: Mapping[str, object]) -> bool:
    """Returns whether a document or chunk reports an error."""
    return ("error" in document and document["error"] not in _NO_ERROR) or document.get("object") == "error"


def refusal(document: object) -> InferenceRefusedError:
    """Returns the error for a document that refuses a request, or for a chunk that reports an error."""
    if _CONTEXT_TOO_LONG.search(_words_of(document)):
        return ContextTooLongError()
    return InferenceRefusedError()


def _words_of(document: object) -> str:
    """Returns the code, the type and the sentence of an error, wherever the server puts them."""
    if isinstance(document, str):
        return document
    if not isinstance(document, dict):
        return ""
    fields = cast("dict[str, object]", document)
    return " ".join(_words_of(fields.get(name)) for name in ("error", "code", "type", "message", "detail"))
