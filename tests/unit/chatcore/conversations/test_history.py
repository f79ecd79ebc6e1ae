"""Which part of a conversation the model is shown."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatcore.conversations.history import (
    MAX_INFERENCE_MESSAGE_CHARS,
    MAX_INFERENCE_MESSAGES,
    MAX_INFERENCE_TOTAL_CHARS,
    HistoryLimits,
    trim,
)
from chatcore.conversations.message import ConversationId, Message, MessageId, Role
from chatcore.errors import InvalidInputError

CONVERSATION = ConversationId(UUID(int=1))


def said(*contents: str) -> list[Message]:
    """A path; contents begin with u:, a: or s: for their role."""
    roles = {"u": Role.USER, "a": Role.ASSISTANT, "s": Role.SYSTEM}
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


def test_a_system_message_goes_into_the_first_user_message() -> None:
    assert shown(said("s:be kind", "u:one", "a:two", "u:three")) == ["u:be kind\n\none", "a:two", "u:three"]


def test_a_system_message_stays_when_what_came_after_it_is_trimmed() -> None:
    assert shown(said("s:be kind", "u:one", "a:two", "u:three"), max_messages=2) == ["a:two", "u:be kind\n\nthree"]


def test_a_system_message_counts_towards_the_budget() -> None:
    assert shown(said("s:12345", "u:12", "a:12", "u:12"), budget=9) == ["a:12", "u:12345\n\n12"]


def test_the_inference_services_limits_hold_whatever_ours_are() -> None:
    generous = {"max_messages": 10_000, "budget": 10**9}
    path = said(*["u:x", "a:y"] * 300)
    long_path = said(*["u:" + "x" * 7000, "a:" + "y" * 7000] * 5)

    assert len(shown(path, **generous)) == MAX_INFERENCE_MESSAGES
    trimmed = trim(long_path, HistoryLimits(max_messages=10_000, budget=10**9))
    assert sum(len(m.content) for m in trimmed) <= MAX_INFERENCE_TOTAL_CHARS
    assert len(trimmed) == 4


@given(system=st.lists(st.integers(1, 4000), max_size=4), turns=st.integers(5, 600), over=st.integers(-6, 6))
def test_a_path_that_just_about_fills_the_inference_services_limits_stays_within_them(
    system: list[int], turns: int, over: int
) -> None:
    size, rest = divmod(MAX_INFERENCE_TOTAL_CHARS - sum(system) + over, turns)
    lengths = [size + rest, *[size] * (turns - 1)]
    spoken = ["ua"[number % 2] + ":" + "x" * length for number, length in enumerate(reversed(lengths))]
    path = said(*("s:" + "y" * length for length in system), *reversed(spoken))

    trimmed = trim(path, HistoryLimits(max_messages=10_000, budget=10**9))

    assert sum(len(m.content) for m in trimmed) <= MAX_INFERENCE_TOTAL_CHARS
    assert max(len(m.content) for m in trimmed) <= MAX_INFERENCE_MESSAGE_CHARS
    assert len(trimmed) <= MAX_INFERENCE_MESSAGES
    assert trimmed[-1].content.endswith(path[-1].content)


def test_a_reply_longer_than_the_inference_service_takes_keeps_its_end() -> None:
    long = "x" * MAX_INFERENCE_MESSAGE_CHARS + "end"

    (_, reply, _) = trim(said("u:one", "a:" + long, "u:two"), HistoryLimits(budget=10**6))

    assert reply.content == long[3:]


def test_a_users_words_are_never_cut_to_make_room_for_instructions() -> None:
    content = "x" * (MAX_INFERENCE_MESSAGE_CHARS - 5)

    (only,) = trim(said("s:instructions", "u:" + content), HistoryLimits())

    assert only.content == "ins\n\n" + content
    (full,) = trim(said("s:instructions", "u:" + "x" * MAX_INFERENCE_MESSAGE_CHARS), HistoryLimits())
    assert full.content == "x" * MAX_INFERENCE_MESSAGE_CHARS


@pytest.mark.parametrize(("max_messages", "budget", "field"), [(0, 1, "max_messages"), (1, 0, "budget")])
def test_limits_below_one_are_refused_by_name(max_messages: int, budget: int, field: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        HistoryLimits(max_messages=max_messages, budget=budget)

    assert [p.field for p in refused.value.problems] == [field]
