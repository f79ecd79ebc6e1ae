"""Tests which part of a conversation the model is shown."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from chatcore.conversations.history import HistoryLimits, trim
from chatcore.conversations.message import ConversationId, Message, MessageId, Role
from chatcore.errors import InvalidInputError

CONVERSATION = ConversationId(UUID(int=1))


def said(*contents: str) -> list[Message]:
    """A path; contents begin with u: or a: for their role."""
    roles = {"u": Role.USER, "a": Role.ASSISTANT}
    return [
        Message(
            id=MessageId(uuid4()),
            conversation_id=CONVERSATION,
            user_id="ada",
            parent_id=None,
            position=position,
            role=roles[content[0]],
            content=content[2:],
            created_at=datetime(2026, 1, 1, tzinfo=UTC),
        )
        for position, content in enumerate(contents, 1)
    ]


def shown(path: list[Message], **limits: object) -> list[str]:
    return [f"{m.role.value[0]}:{m.content}" for m in trim(path, HistoryLimits(**limits))]  # type: ignore[arg-type]  # test shorthand


def test_a_short_conversation_goes_along_whole_and_in_order() -> None:
    assert shown(said("u:one", "a:two", "u:three")) == ["u:one", "a:two", "u:three"]


def test_at_most_so_many_messages_go_along_the_newest_included() -> None:
    path = said("u:one", "a:two", "u:three")

    assert shown(path, max_messages=2) == ["a:two", "u:three"]
    assert shown(path, max_messages=1) == ["u:three"]


def test_the_budget_is_filled_to_its_edge_and_not_beyond() -> None:
    path = said("u:1234", "a:1234", "u:1234")

    assert shown(path, budget=8) == ["a:1234", "u:1234"]
    assert shown(path, budget=7) == ["u:1234"]


def test_the_newest_message_goes_along_even_if_it_alone_is_over_the_budget() -> None:
    assert shown(said("u:a", "a:b", "u:0123456789"), budget=5) == ["u:0123456789"]


def test_trimming_stops_at_the_first_message_that_does_not_fit() -> None:
    assert shown(said("u:1", "a:123456789", "u:1"), budget=5) == ["u:1"]


def test_another_measure_than_characters_can_be_passed_in() -> None:
    path = said("u:three words here", "a:two words", "u:one")

    assert shown(path, budget=3, measure=lambda text: len(text.split())) == ["a:two words", "u:one"]


def test_replies_without_text_are_left_out() -> None:
    assert shown(said("u:one", "a:", "u:two")) == ["u:one", "u:two"]


def test_of_a_message_that_is_too_long_the_end_goes_along() -> None:
    path = said("u:one", "a:" + "x" * 8000 + "end", "u:two")

    assert shown(path, budget=10**6)[1] == "a:" + "x" * 7997 + "end"
    assert shown(path, max_message_chars=2) == ["u:ne", "a:nd", "u:wo"]


def test_a_message_costs_what_its_end_costs() -> None:
    path = said("u:one", "a:" + "x" * 100, "u:two")

    assert shown(path, budget=9, max_message_chars=3) == ["u:one", "a:xxx", "u:two"]
    assert shown(path, budget=8, max_message_chars=3) == ["a:xxx", "u:two"]


@pytest.mark.parametrize("name", ["max_messages", "budget", "max_message_chars"])
def test_limits_below_one_are_refused_by_name(name: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        HistoryLimits(**{name: 0})  # type: ignore[arg-type]  # test shorthand

    assert [p.field for p in refused.value.problems] == [name]
