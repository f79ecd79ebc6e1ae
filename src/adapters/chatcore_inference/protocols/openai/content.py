"""Finds the text and the reasoning of a message or delta, which servers write in several ways."""

from collections.abc import Iterator

from chatcore_inference.protocols.openai.loose_json import list_or_empty, object_or_empty


def text_in(delta: dict[str, object]) -> str:
    """Returns the text; a refusal in the model's words is text as well."""
    return _joined(delta.get("content"), "text") + _joined(delta.get("refusal"), "refusal")


def reasoning_in(delta: dict[str, object]) -> str:
    """Returns the reasoning. Some servers have it under two names at once."""
    for name in ("reasoning", "reasoning_content"):
        if reasoning := _joined(delta.get(name), "text"):
            return reasoning
    return "".join(_texts(list_or_empty(delta.get("content")), "thinking"))


def _joined(content: object, kind: str) -> str:
    """Returns the content if it is text, or the text of all parts of one kind if it is a list of parts."""
    return content if isinstance(content, str) else "".join(_texts(list_or_empty(content), kind))


def _texts(parts: list[object], kind: str) -> Iterator[str]:
    for part in map(object_or_empty, parts):
        if part.get("type") == kind:
            yield _joined(part.get(kind), "text")
