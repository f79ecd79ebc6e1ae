from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from chatcore.conversations.conversation import DEFAULT_TITLE, TitleSource
from chatcore.conversations.message import Role
from chatcore_postgres.samosachaat.mapping import ImportedConversation, ImportedMessage, to_conversation, to_message
from chatcore_postgres.samosachaat.report import Skip
from chatcore_postgres.samosachaat.source import SourceRow

_TALK = SourceRow(
    is_message=False,
    conversation_id=UUID(int=1),
    id=UUID(int=1),
    user_id="ada",
    title=None,
    is_pinned=False,
    role=None,
    content=None,
    content_bytes=None,
    model_tag=None,
    token_count=None,
    inference_time_ms=None,
    created_at=None,
    updated_at=None,
)
_MESSAGE = _TALK._replace(is_message=True, id=UUID(int=2), user_id=None, role="user", content="hi", content_bytes=2)


def _conversation(**columns: Any) -> ImportedConversation | Skip:  # noqa: ANN401 - values of any column
    return to_conversation(_TALK._replace(**columns), ["New chat"], 500)


def _message(**columns: Any) -> ImportedMessage | Skip:  # noqa: ANN401 - values of any column
    conversation = to_conversation(_TALK._replace(model_tag="tiny"), [], 500)
    assert isinstance(conversation, ImportedConversation)
    return to_message(_MESSAGE._replace(**columns), conversation)


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        (None, (DEFAULT_TITLE, TitleSource.DEFAULT)),
        ("", (DEFAULT_TITLE, TitleSource.DEFAULT)),
        (" \t", (DEFAULT_TITLE, TitleSource.DEFAULT)),
        ("\u200b\u202e", (DEFAULT_TITLE, TitleSource.DEFAULT)),
        ("New chat", ("New chat", TitleSource.DEFAULT)),
        ("new chat", ("new chat", TitleSource.AUTO)),
        (" Frogs ", (" Frogs ", TitleSource.AUTO)),
        ("x" * 501, ("x" * 500, TitleSource.AUTO)),
    ],
)
def test_a_title_is_kept_and_one_that_says_nothing_may_be_replaced(
    title: str | None, expected: tuple[str, TitleSource]
) -> None:
    conversation = _conversation(title=title)

    assert isinstance(conversation, ImportedConversation)
    assert (conversation.title, conversation.title_source) == expected
    assert conversation.is_title_cut == (title is not None and len(title) > 500)


def test_values_that_are_missing_get_defaults() -> None:
    conversation, message = _conversation(), _message()

    assert isinstance(conversation, ImportedConversation)
    assert (conversation.model_tag, conversation.is_pinned) == ("default", False)
    assert (conversation.created_at, conversation.updated_at) == (None, None)
    assert isinstance(message, ImportedMessage)
    assert (message.model_tag, message.token_count, message.inference_time_ms) == ("tiny", 0, 0)
    assert message.created_at is None


def test_values_that_are_there_are_kept() -> None:
    time = datetime(2026, 3, 1, tzinfo=UTC)
    conversation = _conversation(model_tag="big", is_pinned=True, created_at=time, updated_at=time)
    message = _message(role="assistant", model_tag="small", token_count=3, inference_time_ms=9, created_at=time)

    assert isinstance(conversation, ImportedConversation)
    assert (conversation.model_tag, conversation.is_pinned) == ("big", True)
    assert (conversation.created_at, conversation.updated_at) == (time, time)
    assert isinstance(message, ImportedMessage)
    assert (message.role, message.model_tag, message.token_count) == (Role.ASSISTANT, "small", 3)
    assert (message.inference_time_ms, message.created_at) == (9, time)


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"id": None}, Skip.NO_ID),
        ({"user_id": None}, Skip.NO_USER),
        ({"user_id": ""}, Skip.NO_USER),
        ({"user_id": "u" * 256}, Skip.LONG_USER_ID),
    ],
)
def test_a_conversation_that_nobody_could_open_is_skipped(columns: dict[str, Any], reason: Skip) -> None:
    assert _conversation(**columns) is reason


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"id": None}, Skip.NO_ID),
        ({"role": None}, Skip.UNKNOWN_ROLE),
        ({"role": "bot"}, Skip.UNKNOWN_ROLE),
        ({"content": None, "content_bytes": None}, Skip.NO_CONTENT),
        ({"content": "", "content_bytes": 0}, Skip.NO_CONTENT),
        ({"content": None, "content_bytes": 2**25}, Skip.HUGE_CONTENT),
    ],
)
def test_a_message_that_cannot_be_shown_is_skipped(columns: dict[str, Any], reason: Skip) -> None:
    assert _message(**columns) is reason


@pytest.mark.parametrize("role", ["user", "User", "ASSISTANT", "system"])
def test_a_role_may_be_in_capitals(role: str) -> None:
    message = _message(role=role)

    assert isinstance(message, ImportedMessage)
    assert message.role == role.lower()
