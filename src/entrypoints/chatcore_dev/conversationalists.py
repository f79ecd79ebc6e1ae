"""Conversationalists of the 1960s, in the place of language models: they need no weights and no network."""

import importlib
import re
from typing import Final, Protocol

#: The models on offer, by tag; the first is loaded at the start.
MODEL_TAGS: Final = ("eliza", "iesha", "rude", "suntsu", "zen")

_SPEECHLESS: Final = "Please tell me more."
# nltk takes every % in its answer for a placeholder, also one that the user wrote; this stands for those.
_PERCENT: Final = "\ue000"


class _Chat(Protocol):
    def respond(self, statement: str, /) -> str | None: ...


class Conversationalist:
    """One of them, loaded; answers what was said last, and remembers nothing.

    Args:
        tag: one of :data:`MODEL_TAGS`.
    """

    def __init__(self, tag: str) -> None:
        self.tag = tag
        self._chat: _Chat = getattr(importlib.import_module(path_of(tag)), f"{tag}_chatbot")

    def reply(self, statement: str) -> str:
        """What it says to `statement`, which may be any text; blocks for some milliseconds."""
        # One line, since their patterns end at a line's end, and no closing mark, as in a conversation with them.
        said = " ".join(statement.split()).rstrip("!.")
        try:
            answer = self._chat.respond(said.replace("%", _PERCENT))
        except (KeyError, ValueError, TimeoutError):
            # The Turkish dotless i equals i where case is ignored, and then is not in their tables.
            answer = None
        return (answer or _SPEECHLESS).replace(_PERCENT, "%")


def path_of(tag: str) -> str:
    """The module that a model is made of."""
    return f"nltk.chat.{tag}"


def tokens_of(text: str) -> list[str]:
    """`text` in pieces of a word each, that begin with the space before it."""
    return re.findall(r"\s*\S+|\s+$", text)
