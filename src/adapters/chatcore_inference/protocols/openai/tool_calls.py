"""Assembles the tool calls of a reply, which arrive in pieces."""

from typing import cast

from attrs import define

from chatcore.conversations.parts import MAX_DATA_BYTES
from chatcore.errors import InferenceRefusedError
from chatcore_inference.protocols.openai.loose_json import compact_json, list_or_empty, object_or_empty, text_or_empty

# What a call costs in addition to its texts, so that calls without any are limited too.
_CHARS_AROUND_CALL = 64


@define(eq=False)
class _Call:
    """A tool call of which more pieces may come."""

    #: The call's place among the calls of the reply, in the server's numbers; None if the server numbers none.
    index: object
    id: str = ""
    type: str = "function"
    name: str = ""
    arguments: str = ""

    def add(self, piece: dict[str, object]) -> int:
        """Adds a piece; returns how many characters it has."""
        function = object_or_empty(piece.get("function"))
        id_, name = text_or_empty(piece.get("id")), text_or_empty(function.get("name"))
        arguments = _json(function.get("arguments"))
        self.id = self.id or id_
        self.type = text_or_empty(piece.get("type")) or self.type
        if name != self.name:  # Some servers repeat the whole name with each piece.
            self.name += name
        self.arguments += arguments
        return len(id_) + len(name) + len(arguments)

    def document(self) -> dict[str, object]:
        return {"id": self.id, "type": self.type, "function": {"name": self.name, "arguments": self.arguments}}


class ToolCalls:
    """Puts together the pieces of each tool call of one reply."""

    __slots__ = ("_calls", "_chars_left")

    def __init__(self) -> None:
        self._calls: list[_Call] = []
        self._chars_left = MAX_DATA_BYTES

    def add(self, pieces: object) -> None:
        """Adds the pieces of one chunk, which are a list of objects; anything else is ignored.

        Raises:
            InferenceRefusedError: the calls are too large together.
        """
        for piece in filter(None, map(object_or_empty, list_or_empty(pieces))):
            self._add(piece)

    def take(self) -> list[dict[str, object]]:
        """Returns the calls, which are whole, and forgets them."""
        calls, self._calls = self._calls, []
        return [call.document() for call in calls]

    def _add(self, piece: dict[str, object]) -> None:
        call = self._call_of(piece)
        if call is None:
            call = _Call(piece.get("index"))
            self._calls.append(call)
            self._chars_left -= _CHARS_AROUND_CALL
        self._chars_left -= call.add(piece)
        if self._chars_left < 0:
            raise InferenceRefusedError("The tool calls of the reply are too large.")

    def _call_of(self, piece: dict[str, object]) -> _Call | None:
        """Returns the call that the piece belongs to, or None if the piece begins a call.

        Servers that do not number the calls send each in one piece, with an id, or one after the other. Some number all
        calls 0, with different ids.
        """
        index, id_ = piece.get("index"), text_or_empty(piece.get("id"))
        for call in reversed(self._calls):
            if id_ and call.id:
                if id_ == call.id:
                    return call
            elif index is None or index == call.index:
                has_name = bool(object_or_empty(piece.get("function")).get("name"))
                return None if index is None and has_name and call.name else call
        return None


def _json(arguments: object) -> str:
    """Returns the arguments of a call, which some servers send as an object and not as text."""
    if isinstance(arguments, dict):
        return compact_json(object_or_empty(cast("object", arguments))) or ""
    return text_or_empty(arguments)
