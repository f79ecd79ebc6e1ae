"""Makes a conversation of ours from one of ChatGPT's export.

The export has a tree of nodes, of which many are no messages that people see: an empty root, hidden instructions, calls
of tools and their results, thoughts. A reply of ChatGPT is a chain of such nodes and becomes one reply of ours, with
parts. Whatever is missing or has an unexpected type is passed over, because the export changes from month to month.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from heapq import heappop, heappush
from itertools import count
from typing import Any, Final, cast
from uuid import UUID, uuid5

from attrs import define

from chatcore import Conversation, Message, Role, Status, UserId
from chatcore.conversations.conversation import DEFAULT_TITLE, TitleSource
from chatcore.conversations.log import pieces_in
from chatcore.conversations.message import DEFAULT_MODEL_TAG, ConversationId, FinishReason, MessageId
from chatcore.conversations.parts import MAX_DATA_BYTES, MAX_DATA_PARTS, PartKind
from chatcore.reply_error import ReplyError
from chatcore.text import has_visible_text, repaired
from chatcore.timestamps import EPOCH
from chatcore.transfers.checked import checked
from chatcore.transfers.made_anew import MadeAnew
from chatcore.transfers.stretches import stretches_of, text_of
from chatcore.transfers.transferred import TransferredConversation
from chatcore_service.transfers.chatgpt_content import content_of
from chatcore_service.transfers.fields import problem
from chatcore_service.transfers.spool import Spooled

#: The fields that are read; see :class:`chatcore_service.transfers.json_items.JsonItems`.
FIELDS: Final = frozenset(
    {
        *("id", "conversation_id", "title", "create_time", "update_time", "mapping", "current_node", "is_archived"),
        *("is_starred", "message", "parent", "author", "role", "name", "content", "content_type", "parts", "text"),
        *("result", "summary", "thoughts", "recipient", "metadata", "is_visually_hidden_from_conversation"),
        *("model_slug", "finish_details", "type", "language"),
    }
)
#: The field whose object has a field for each node.
SPOOLED_FIELD: Final = "mapping"

_NAMESPACE: Final = UUID("6f2a1b0e-6d0c-5f0b-9a53-9f4f6f1d8c11")
_MAX_TAG_CHARS: Final = 1000
_HIDDEN_FROM_PEOPLE: Final = "is_visually_hidden_from_conversation"
_ENDS: Final = {
    "stop": FinishReason.STOP,
    "max_tokens": FinishReason.LENGTH,
}


@define
class _Node:
    """A node of the tree."""

    id: str
    parent: str | None
    role: str
    value: Spooled
    is_seen: bool
    time: datetime | None
    model: str
    end: str
    #: The message that the node has become or become a part of; None while it is none.
    message: "_Draft | None" = None


@define
class _Draft:
    """A message in the making."""

    id: MessageId
    parent: "_Draft | None"
    role: Role
    created_at: datetime
    model: str
    #: The nodes that people see as this message.
    values: list[Spooled]
    end: str


def to_conversation(value: object, user_id: UserId, max_title_chars: int) -> TransferredConversation:
    """Returns a conversation of an export.

    Ids are made from those of the export, so that importing it again finds what is there.

    Args:
        value: the conversation in JSON values.
        user_id: the user who imports it.
        max_title_chars: the length to which a title is cut.

    Raises:
        InvalidInputError: this is no conversation of ChatGPT.
    """
    fields = _object(value)
    source_id = _text(fields.get("conversation_id")) or _text(fields.get("id"))
    mapping = fields.get("mapping")
    if not source_id or not isinstance(mapping, dict):
        raise problem("The conversation", "must be one of ChatGPT, with an id and a mapping")
    conversation_id = _id_of(source_id)
    nodes = _nodes(cast("dict[str, Spooled]", mapping))
    created_at = _instant(fields.get("create_time")) or _first(node.time for node in nodes.values()) or EPOCH
    drafts = _drafts(nodes, conversation_id, created_at)
    title = repaired(_text(fields.get("title")))[:max_title_chars]
    has_title = has_visible_text(title)
    conversation = Conversation(
        id=ConversationId(conversation_id),
        user_id=user_id,
        created_at=created_at,
        updated_at=_instant(fields.get("update_time")) or (drafts[-1].created_at if drafts else created_at),
        title=title if has_title else DEFAULT_TITLE,
        title_source=TitleSource.AUTO if has_title else TitleSource.DEFAULT,
        head_id=_head(nodes, _text(fields.get("current_node"))),
        is_pinned=fields.get("is_starred") is True,
        is_archived=fields.get("is_archived") is True,
    )
    messages = MadeAnew(lambda: (_message(draft, conversation) for draft in drafts), len(drafts))
    return checked(conversation, messages, {})


def _id_of(source_id: str) -> UUID:
    try:
        return UUID(source_id)
    except ValueError:
        return uuid5(_NAMESPACE, repaired(source_id))


def _nodes(mapping: Mapping[str, Spooled]) -> dict[str, _Node]:
    nodes: dict[str, _Node] = {}
    for id_, value in mapping.items():
        node = _object(value.read())
        message = _object(node.get("message"))
        metadata = _object(message.get("metadata"))
        nodes[id_] = _Node(
            id=id_,
            parent=_text(node.get("parent")) or None,
            role=_text(_object(message.get("author")).get("role")),
            value=value,
            is_seen=bool(_parts(message)),
            time=_instant(message.get("create_time")),
            model=repaired(_text(metadata.get("model_slug")))[:_MAX_TAG_CHARS] or DEFAULT_MODEL_TAG,
            end=_text(_object(metadata.get("finish_details")).get("type")),
        )
    return nodes


def _parts(message: Mapping[str, Any]) -> list[tuple[PartKind, str]]:
    """Returns the parts of the message of a node; none if people do not see it."""
    if _object(message.get("metadata")).get(_HIDDEN_FROM_PEOPLE) is True:
        return []
    author = _object(message.get("author"))
    return content_of(
        _object(message.get("content")),
        role=_text(author.get("role")),
        recipient=_text(message.get("recipient")),
        name=_text(author.get("name")),
    )


def _drafts(nodes: Mapping[str, _Node], conversation_id: UUID, begin: datetime) -> list[_Draft]:
    """Returns the messages, each after its parent, and otherwise in the order of their times.

    A node whose parent is missing is a root, and so is one whose ancestors form a circle.
    """
    children: dict[str | None, list[_Node]] = {}
    for node in nodes.values():
        children.setdefault(node.parent if node.parent in nodes else None, []).append(node)
    drafts: list[_Draft] = []
    order, queue, seen = count(), list[tuple[datetime, int, _Node]](), set[str]()

    def enqueue(some: Iterable[_Node], earliest: datetime) -> None:
        for node in some:
            if node.id not in seen:
                seen.add(node.id)
                heappush(queue, (max(node.time or earliest, earliest), next(order), node))

    def walk() -> None:
        while queue:
            time, _, node = heappop(queue)
            parent = nodes[node.parent].message if node.parent is not None and node.parent in nodes else None
            is_only = len(children.get(node.parent, ())) == 1
            node.message = _extended(node, parent, is_only=is_only) or _new(node, parent, conversation_id, time)
            if node.message is not None and node.message is not parent:
                drafts.append(node.message)
            enqueue(children.get(node.id, ()), time)

    enqueue(children.get(None, ()), begin)
    walk()
    for node in nodes.values():
        # Whoever has not been reached yet is on a circle or below one.
        if node.id not in seen:
            node.parent = None
            enqueue([node], begin)
            walk()
    return drafts


def _extended(node: _Node, parent: _Draft | None, *, is_only: bool) -> _Draft | None:
    """Returns the parent's message if the node belongs to it or is no message; None if it is one of its own."""
    if not node.is_seen:
        return parent
    if parent is not None and node.role != Role.USER and parent.role is Role.ASSISTANT and is_only:
        parent.values.append(node.value)
        parent.end = node.end or parent.end
        if parent.model == DEFAULT_MODEL_TAG:
            parent.model = node.model
        return parent
    return None


def _new(node: _Node, parent: _Draft | None, conversation_id: UUID, time: datetime) -> _Draft | None:
    if not node.is_seen:
        return None
    return _Draft(
        # The same node may stand in several conversations, where one was branched off the other.
        id=MessageId(uuid5(conversation_id, repaired(node.id))),
        parent=parent,
        role=Role.USER if node.role == Role.USER else Role.ASSISTANT,
        created_at=time,
        model=node.model,
        values=[node.value],
        end=node.end,
    )


def _head(nodes: Mapping[str, _Node], current: str) -> MessageId | None:
    node = nodes.get(current)
    return None if node is None or node.message is None else node.message.id


def _message(draft: _Draft, conversation: Conversation) -> Message:
    parts = (part for value in draft.values for part in _parts(_object(_object(value.read()).get("message"))))
    stretches = stretches_of(_joined(parts))
    is_reply = draft.role is Role.ASSISTANT
    is_stopped = is_reply and draft.end == "interrupted"
    return Message(
        id=draft.id,
        conversation_id=conversation.id,
        user_id=conversation.user_id,
        parent_id=None if draft.parent is None else draft.parent.id,
        position=1,
        role=draft.role,
        content=text_of(stretches),
        created_at=draft.created_at,
        status=Status.STOPPED if is_stopped else Status.COMPLETE,
        error=ReplyError.STOPPED if is_stopped else None,
        model_tag=draft.model,
        finish_reason=_ENDS.get(draft.end) if is_reply else None,
        pieces=pieces_in(stretches) if is_reply else (),
    )


def _joined(parts: Iterable[tuple[PartKind, str]]) -> Iterator[tuple[PartKind, str]]:
    """Yields the parts of a message: texts of several nodes are paragraphs, and data beyond the limit is dropped."""
    before: PartKind | None = None
    data_bytes = data_parts = 0
    for kind, text in parts:
        if kind is PartKind.DATA:
            data_bytes, data_parts = data_bytes + len(text.encode()), data_parts + 1
            if data_bytes > MAX_DATA_BYTES or data_parts > MAX_DATA_PARTS:
                continue
        yield kind, f"\n\n{text}" if kind is before and kind is not PartKind.DATA else text
        before = kind


def _first(times: Iterable[datetime | None]) -> datetime | None:
    return min((time for time in times if time is not None), default=None)


def _instant(value: object) -> datetime | None:
    """Returns the instant of a number of seconds since 1970; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not value:
        return None
    try:
        return EPOCH + timedelta(seconds=value)
    except (OverflowError, ValueError):
        return None


def _object(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
