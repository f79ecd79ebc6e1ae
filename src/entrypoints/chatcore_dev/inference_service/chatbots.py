"""Provides the chatbots of `nltk.chat` in place of language models, because chatbots need no weights and no network."""

import importlib
import re
from typing import Final, Protocol

#: The tags of the available models; the first model is loaded at the start.
MODEL_TAGS: Final = ("eliza", "iesha", "rude", "suntsu", "zen")

_FALLBACK_REPLY: Final = "Please tell me more."
# nltk takes every % in its answer for a placeholder, even a % that the user wrote. This character replaces the user's.
_PERCENT: Final = "\ue000"


class _Chat(Protocol):
    def respond(self, statement: str, /) -> str | None: ...


class Chatbot:
    """Replies to the last statement of a conversation, without memory of the others.

    Args:
        tag: the model's tag, one of :data:`MODEL_TAGS`.
    """

    def __init__(self, tag: str) -> None:
        self.tag = tag
        self._chat: _Chat = getattr(importlib.import_module(module_of(tag)), f"{tag}_chatbot")

    def reply(self, statement: str) -> str:
        """Returns a reply to `statement`, which may be any text; blocks for some milliseconds."""
        # nltk's patterns match a single line without closing punctuation. nltk's own command line strips the same
        # characters.
        line = " ".join(statement.split()).rstrip("!.")
        try:
            answer = self._chat.respond(line.replace("%", _PERCENT))
        except (KeyError, ValueError, TimeoutError):
            # The Turkish dotless i matches i if case is ignored, but nltk's tables do not contain the letter.
            answer = None
        return (answer or _FALLBACK_REPLY).replace(_PERCENT, "%")


def module_of(tag: str) -> str:
    """Returns the name of the module that implements a model."""
    return f"nltk.chat.{tag}"


def split_into_tokens(text: str) -> list[str]:
    """Splits `text` into words, each with the preceding white space; the joined words equal `text`."""
    return re.findall(r"\s*\S+|\s+$", text)
