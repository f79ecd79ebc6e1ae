"""What a user is shown, on one replica, against what the model says."""

import asyncio
from itertools import pairwise

from attrs import Factory, define

from tests.integration.model.participant import Participant
from tests.integration.model.reference_chat import Conversation, Message

#: Small, so that a few conversations are several pages.
_PAGE = 2

Shown = dict[str, object]


async def compare(participant: Participant, *, on: str) -> None:
    """Lists and opens everything that the user has."""
    await asyncio.gather(
        compare_list(participant, on=on),
        _compare_pages(participant, on=on),
        *(_compare_conversation(participant, one, on=on) for one in participant.chat.conversations.values()),
    )


@define
class News:
    """Compares what has changed since the last look at a replica."""

    _seen: dict[tuple[str, str], object] = Factory(dict)

    async def compare(self, participant: Participant, *, on: str) -> None:
        """Lists what the user has, and opens what is new of it."""
        listed = [
            [(conversation.id, conversation.title) for conversation in participant.chat.listed(is_archived=is_archived)]
            for is_archived in (False, True)
        ]
        if self._is_new(on, participant.client.user_id, listed):
            await compare_list(participant, on=on)
        for conversation in participant.chat.conversations.values():
            if self._is_new(on, conversation.id, _state(conversation)):
                await _compare_conversation(participant, conversation, on=on)

    def _is_new(self, on: str, what: str, state: object) -> bool:
        is_new = self._seen.get((on, what)) != state
        self._seen[on, what] = state
        return is_new


async def compare_list(participant: Participant, *, on: str) -> None:
    """Reads both lists page by page."""
    for is_archived in (False, True):
        await _compare_list(participant, is_archived=is_archived, on=on)


async def _compare_list(participant: Participant, *, is_archived: bool, on: str) -> None:
    by_cursor: list[Shown] = []
    cursor = ""
    while True:
        page = await _get(participant, f"?archived={_json(is_archived)}&limit={_PAGE}{cursor}", on=on)
        by_cursor += _items(page)
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert [(item["id"], item["title"], item["is_archived"]) for item in by_cursor] == [
        (conversation.id, conversation.title, is_archived)
        for conversation in participant.chat.listed(is_archived=is_archived)
    ]
    assert {item["user_id"] for item in by_cursor} <= {participant.client.user_id}
    moments = [str(item["updated_at"]) for item in by_cursor]
    assert all(earlier >= later for earlier, later in pairwise(moments))


async def _compare_pages(participant: Participant, *, on: str) -> None:
    for is_archived in (False, True):
        query = f"?archived={_json(is_archived)}"
        whole = _items(await _get(participant, query, on=on))
        listed = participant.chat.listed(is_archived=is_archived)
        assert [item["id"] for item in whole] == [conversation.id for conversation in listed]
        for offset in range(len(whole) + 1):
            page = _items(await _get(participant, f"{query}&limit=1&offset={offset}", on=on))
            assert page == whole[offset : offset + 1]


def _json(value: bool) -> str:  # noqa: FBT001 - a value and no option
    return "true" if value else "false"


async def _compare_conversation(participant: Participant, conversation: Conversation, *, on: str) -> None:
    shown, whole = await asyncio.gather(
        _get(participant, f"/{conversation.id}", on=on), _get(participant, f"/{conversation.id}?branches=all", on=on)
    )
    assert shown["title"] == whole["title"] == conversation.title
    assert shown["head_id"] == whole["head_id"] == (conversation.head and conversation.head.id)
    _expect_messages(shown, conversation, conversation.active_path)
    _expect_messages(whole, conversation, conversation.messages)


def _expect_messages(shown: Shown, conversation: Conversation, expected: list[Message]) -> None:
    messages = [_as_shown(message, conversation) for message in expected]
    assert _messages(shown) == messages, f"shown: {_messages(shown)}, expected: {messages}"


def _state(conversation: Conversation) -> object:
    head = conversation.head and conversation.head.id
    return (conversation.title, head, [_as_shown(message, conversation) for message in conversation.messages])


async def _get(participant: Participant, path: str, *, on: str) -> Shown:
    response = await participant.client.call("GET", path, on=on)
    assert response.status_code == 200, response.text
    shown: Shown = response.json()
    return shown


def _items(page: Shown) -> list[Shown]:
    items = page["items"]
    assert isinstance(items, list)
    return items


_COMPARED = ("id", "parent_id", "role", "status", "versions")


def _messages(shown: Shown) -> list[tuple[object, ...]]:
    messages = shown["messages"]
    assert isinstance(messages, list)
    return [
        # How much of a running reply is stored depends on the moment, so its text is left out of the comparison.
        (*(message[name] for name in _COMPARED), "" if message["status"] == "streaming" else message["content"])
        for message in messages
    ]


def _as_shown(message: Message, conversation: Conversation) -> tuple[object, ...]:
    parent_id = message.parent.id if message.parent else None
    versions = conversation.versions(message)
    return (message.id, parent_id, message.role, message.status, versions, message.content)
