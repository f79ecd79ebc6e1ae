"""Provides the chatbots of `nltk.chat`, which stand in for language models: they need no weights and no network."""

import importlib
import re
from typing import Final, Protocol

#: The tags of the available models; the first one is loaded at the start.
MODEL_TAGS: Final = ("eliza", "iesha", "rude", "suntsu", "zen")

_FALLBACK_REPLY: Final = "Please tell me more."
# nltk takes every % in its answer for a placeholder, even one that the user wrote. This character replaces those.
_PERCENT: Final = "\ue000"


class _Chat(Protocol):
    def respond(self, statement: str, /) -> str | None: ...


class Chatbot:
    """Replies to the last statement only; keeps no memory of a conversation.

    Args:
        tag: one of :data:`MODEL_TAGS`.
    """

    def __init__(self, tag: str) -> None:
        self.tag = tag
        self._chat: _Chat = getattr(importlib.import_module(module_of(tag)), f"{tag}_chatbot")

    def reply(self, statement: str) -> str:
        """Returns a reply to `statement`, which may be any text; blocks for some milliseconds."""
        # nltk's patterns match a single line without closing punctuation, which nltk's own command line strips as well.
        line = " ".join(statement.split()).rstrip("!.")
        try:
            answer = self._chat.respond(line.replace("%", _PERCENT))
        except (KeyError, ValueError, TimeoutError):
            # The Turkish dotless i matches i if case is ignored, but then nltk does not find it in its tables.
            answer = None
        return (answer or _FALLBACK_REPLY).replace(_PERCENT, "%")


def module_of(tag: str) -> str:
    """Returns the name of the module that implements a model."""
    return f"nltk.chat.{tag}"


def split_into_tokens(text: str) -> list[str]:
    """Splits `text` into words, each with the white space before it; joined, they are `text` again."""
    return re.findall(r"\s*\S+|\s+$", text)
