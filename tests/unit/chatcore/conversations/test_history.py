"""Tests which part of a conversation the model is shown."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatcore.conversations.history import HistoryLimits, HistoryMessage, trim
from chatcore.conversations.message import ConversationId, Message, MessageId, Role
from chatcore.errors import InvalidInputError

CONVERSATION = ConversationId(UUID(int=1))


def said(*contents: str) -> list[Message]:
    """Returns a path; contents begin with u:, a: or s: for their role."""
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

    assert shown(path, max_messages=3) == ["u:one", "a:two", "u:three"]
    assert shown(path, max_messages=2) == ["u:three"]
    assert shown(path, max_messages=1) == ["u:three"]


def test_the_newest_message_goes_along_even_if_it_alone_is_over_the_budget() -> None:
    assert shown(said("u:a", "a:b", "u:0123456789"), budget=5) == ["u:0123456789"]


def test_of_the_oldest_message_that_does_not_fit_the_end_goes_along() -> None:
    path = said("u:not", "a:at all", "u:question", "a:answer", "u:1234")

    assert shown(path, budget=18) == ["u:question", "a:answer", "u:1234"]
    assert shown(path, budget=17) == ["u:uestion", "a:answer", "u:1234"]
    assert shown(path, budget=11) == ["u:n", "a:answer", "u:1234"]


def test_of_a_reply_that_does_not_fit_the_end_goes_along_behind_its_question() -> None:
    path = said("u:Tell me a story.", "a:" + "x" * 6300 + "The end.", "u:make it shorter")

    assert shown(path) == ["u:Tell me a story.", "a:" + "x" * 5961 + "The end.", "u:make it shorter"]


def test_a_long_question_leaves_its_reply_three_quarters_of_the_room() -> None:
    path = said("u:" + "q" * 100, "a:" + "x" * 100, "u:1234")

    assert shown(path, budget=44) == ["u:" + "q" * 10, "a:" + "x" * 30, "u:1234"]


@pytest.mark.parametrize("budget", [4, 5])
def test_a_reply_without_room_for_its_question_stays_behind(budget: int) -> None:
    assert shown(said("u:one", "a:two", "u:1234"), budget=budget) == ["u:1234"]


def test_another_measure_than_characters_can_be_passed_in() -> None:
    path = said("u:three words here", "a:two words", "u:one")

    assert shown(path, budget=4, measure=words) == ["u: here", "a:two words", "u:one"]


def words(text: str) -> int:
    return len(text.split())


def test_replies_without_text_are_left_out_and_their_questions_joined() -> None:
    path = said("u:one", "a:", "u:two", "a:answer", "u:three", "a:", "u:four")

    assert shown(path) == ["u:one\n\ntwo", "a:answer", "u:three\n\nfour"]


def test_a_history_never_begins_with_a_reply() -> None:
    assert shown(said("a:welcome", "u:one", "a:two", "u:three")) == ["a:welcome", "u:one", "a:two", "u:three"][1:]
    assert shown(said("a:welcome", "u:one")) == ["u:one"]


def test_neighbours_of_one_role_become_one_message() -> None:
    assert shown(said("u:one", "a:two", "a:three", "u:four")) == ["u:one", "a:two\n\nthree", "u:four"]


def test_system_messages_count_as_the_users() -> None:
    assert shown(said("s:Be brief.", "u:one", "a:two", "u:three")) == ["u:Be brief.\n\none", "a:two", "u:three"]


def test_of_joined_messages_the_newest_stays_whole() -> None:
    path = said("u:1234567", "u:12")

    assert shown(path, budget=11) == ["u:1234567\n\n12"]
    assert shown(path, budget=6) == ["u:67\n\n12"]
    assert shown(path, budget=4) == ["u:12"]
    assert shown(path, budget=1) == ["u:12"]


def test_of_a_message_that_is_too_long_the_end_goes_along() -> None:
    path = said("u:one", "a:" + "x" * 8000 + "end", "u:two")

    assert shown(path, budget=10**6)[1] == "a:" + "x" * 7997 + "end"
    assert shown(path, max_message_chars=2) == ["u:ne", "a:nd", "u:wo"]
    assert shown(said("u:one", "u:two"), max_message_chars=6) == ["u:e\n\ntwo"]


def test_a_message_costs_what_its_end_costs() -> None:
    path = said("u:one", "a:" + "x" * 100, "u:two")

    assert shown(path, budget=9, max_message_chars=3) == ["u:one", "a:xxx", "u:two"]
    assert shown(path, budget=8, max_message_chars=3) == ["u:ne", "a:xxx", "u:two"]


def test_the_messages_have_what_the_instructions_leave_of_the_budget() -> None:
    path = said("u:question", "a:answer", "u:1234")

    assert trim(path, HistoryLimits(budget=20), "ab") == trim(path, HistoryLimits(budget=18))
    assert trim(path, HistoryLimits(budget=9, measure=words), "five words") == trim(
        path, HistoryLimits(budget=7, measure=words)
    )


def test_instructions_are_no_message_of_the_history() -> None:
    path = said("u:one", "a:two", "u:three")

    assert trim(path, HistoryLimits(max_messages=3), "Be brief.") == trim(path, HistoryLimits(max_messages=3))


@pytest.mark.parametrize("budget", [1, 4, 5])
def test_the_newest_message_goes_along_even_if_the_instructions_take_the_whole_budget(budget: int) -> None:
    path = said("u:one", "a:two", "u:1234")

    assert trim(path, HistoryLimits(budget=budget), "five!") == (HistoryMessage(Role.USER, "1234"),)


CONTENTS = st.tuples(st.sampled_from("uas"), st.text(max_size=40)).map(lambda pair: f"{pair[0]}:{pair[1]}")


@given(
    st.lists(CONTENTS, max_size=12),
    st.text(min_size=1, max_size=60),
    st.integers(1, 12),
    st.integers(1, 200),
    st.integers(60, 100),
)
def test_every_history_keeps_the_rules(
    earlier: list[str], newest: str, max_messages: int, budget: int, max_message_chars: int
) -> None:
    path = said(*earlier, f"u:{newest}")
    limits = HistoryLimits(max_messages=max_messages, budget=budget, max_message_chars=max_message_chars)

    kept = trim(path, limits)

    assert [message.role for message in kept[::-1]] == [(Role.USER, Role.ASSISTANT)[n % 2] for n in range(len(kept))]
    assert kept[0].role is Role.USER
    assert len(kept) <= max_messages
    assert sum(len(message.content) for message in kept) <= max(budget, len(newest))
    assert all(1 <= len(message.content) <= max_message_chars for message in kept)
    assert kept[-1].content.endswith(newest)
    assert trim(kept, limits) == kept
    whole = trim(path, HistoryLimits(max_messages=500, budget=10**6, max_message_chars=10**6))
    pairs = list(zip(kept[::-1], whole[::-1], strict=False))
    assert all(all_of.content.endswith(part.content) for part, all_of in pairs)
    # Between the newest message and the oldest turn, nothing is cut.
    assert all(part.content == all_of.content[-max_message_chars:] for part, all_of in pairs[1:-2])


@pytest.mark.parametrize("name", ["max_messages", "budget", "max_message_chars"])
def test_limits_below_one_are_refused_by_name(name: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        HistoryLimits(**{name: 0})  # type: ignore[arg-type]  # test shorthand

    assert [p.field for p in refused.value.problems] == [name]
