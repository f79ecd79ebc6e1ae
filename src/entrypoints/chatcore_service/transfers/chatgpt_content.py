"""Reads what a node of ChatGPT's export says, as parts."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from chatcore.conversations.parts import PartKind, data_part
from chatcore.text import has_visible_text, repaired

# The recipient of what is meant for people.
_PEOPLE: Final = {"", "all"}
# Texts that ChatGPT shows to nobody: what it knows about the user, and what it says of its thoughts.
_UNSEEN: Final = {"user_editable_context", "model_editable_context", "reasoning_recap"}
#: Most characters of the text of a call of a tool or of its result. Data parts of a reply have room for 256 KiB.
_MAX_DATA_CHARS: Final = 2000
# What stands in a text for something that is no text and does not come with the export.
_PLACEHOLDERS: Final = {
    "image_asset_pointer": "[image]",
    "audio_asset_pointer": "[audio]",
    "real_time_user_audio_video_asset_pointer": "[audio]",
    "video_container_asset_pointer": "[video]",
}


def content_of(content: Mapping[str, Any], *, role: str, recipient: str, name: str) -> list[tuple[PartKind, str]]:
    """Returns the parts of a node; none if people do not see it.

    Args:
        content: the content of the message of the node.
        role: the author's role.
        recipient: to whom the message is addressed.
        name: the author's name, which is the tool's.
    """
    kind = content.get("content_type")
    if role not in {"user", "assistant", "tool"} or kind in _UNSEEN:
        return []
    if kind == "thoughts" and role == "assistant":
        thoughts = _thoughts(content)
        return [(PartKind.REASONING, thoughts)] if has_visible_text(thoughts) else []
    text = repaired("\n\n".join(_texts(content)))
    if not has_visible_text(text):
        return []
    if role == "tool":
        return [_data("tool_result", name, text)]
    if role == "assistant" and recipient not in _PEOPLE:
        return [_data("tool_call", recipient, text)]
    if kind == "code" and role == "assistant":
        language = content.get("language")
        fence = language if isinstance(language, str) and language.isalnum() else ""
        text = f"```{fence}\n{text}\n```"
    return [(PartKind.TEXT, text)]


def _texts(content: Mapping[str, Any]) -> Iterator[str]:
    parts = content.get("parts")
    if isinstance(parts, list):
        for part in cast("list[object]", parts):
            if isinstance(part, str):
                yield part
            elif isinstance(part, dict):
                yield from _text_of_object(cast("dict[str, Any]", part))
        return
    for field in ("text", "result", "summary"):
        value = content.get(field)
        if isinstance(value, str) and value:
            yield value
            return


def _text_of_object(part: Mapping[str, Any]) -> Iterator[str]:
    text = part.get("text")
    if isinstance(text, str):
        yield text  # What somebody said, written down.
    else:
        placeholder = _PLACEHOLDERS.get(str(part.get("content_type")))
        if placeholder is not None:
            yield placeholder


def _thoughts(content: Mapping[str, Any]) -> str:
    thoughts = content.get("thoughts")
    texts: list[str] = []
    for thought in cast("list[object]", thoughts) if isinstance(thoughts, list) else ():
        if isinstance(thought, dict):
            fields = cast("dict[str, Any]", thought)
            texts += [text for name in ("summary", "content") if isinstance(text := fields.get(name), str)]
    return repaired("\n\n".join(filter(None, texts)))


def _data(name: str, tool: str, text: str) -> tuple[PartKind, str]:
    value = {name: {"name": repaired(tool)[:_MAX_DATA_CHARS], "text": text[:_MAX_DATA_CHARS]}}
    return PartKind.DATA, data_part(json.dumps(value, ensure_ascii=False)).body
