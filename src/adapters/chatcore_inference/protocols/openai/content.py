"""Finds the text and the reasoning of a message or delta, which servers write in several ways."""

from collections.abc import Iterator

from chatcore_inference.protocols.openai.loose_json import list_or_empty, object_or_empty, text_or_empty


def text_in(delta: dict[str, object]) -> str:
    """Returns the text; a refusal in the model's words is text as well."""
    return _joined(delta.get("content"), "text") + _joined(delta.get("refusal"), "refusal")


def reasoning_in(delta: dict[str, object]) -> str:
    """Returns the reasoning. Some servers have it under two names at once, others among the parts of the content."""
    for name in ("reasoning", "reasoning_content"):
        if reasoning := _joined(delta.get(name), "text"):
            return reasoning
    content = list_or_empty(delta.get("content"))
    return "".join(_joined(thought, "text") for thought in _of_kind(content, "thinking"))


def _joined(content: object, kind: str) -> str:
    """Returns the content if it is text, or the text of all parts of one kind if it is a list of parts."""
    if isinstance(content, str):
        return content
    return "".join(map(text_or_empty, _of_kind(list_or_empty(content), kind)))


def _of_kind(parts: list[object], kind: str) -> Iterator[object]:
    for part in map(object_or_empty, parts):
        if part.get("type") == kind:
            yield part.get(kind)
