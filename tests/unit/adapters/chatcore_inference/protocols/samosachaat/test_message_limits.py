"""Tests how messages are fitted into what the samosachaat inference service accepts."""

from hypothesis import given
from hypothesis import strategies as st

from chatcore.conversations.history import HistoryMessage
from chatcore.conversations.message import Role
from chatcore_inference.protocols.samosachaat.message_limits import (
    MAX_MESSAGE_CHARS,
    MAX_MESSAGES,
    MAX_TOTAL_CHARS,
    within_limits,
)


def messages(*lengths: int) -> list[HistoryMessage]:
    """Messages of these lengths, oldest first; each begins and ends with characters of its own."""
    return [
        HistoryMessage((Role.USER, Role.ASSISTANT)[number % 2], f"{number}{'x' * length}"[:length])
        for number, length in enumerate(lengths)
    ]


def test_messages_within_the_limits_stay_as_they_are() -> None:
    asked = messages(1, 10, 8000, 3)

    assert within_limits(asked) == asked


def test_of_too_many_messages_the_newest_stay() -> None:
    asked = messages(*[1] * (MAX_MESSAGES + 1))

    assert within_limits(asked) == asked[1:]


def test_a_message_that_is_too_long_keeps_its_end() -> None:
    reply = HistoryMessage(Role.ASSISTANT, "x" * MAX_MESSAGE_CHARS + "end")

    assert within_limits([reply]) == [HistoryMessage(Role.ASSISTANT, reply.content[3:])]


def test_all_messages_together_fill_the_limit_to_its_edge_and_not_beyond() -> None:
    filling = messages(1, 8000, 8000, 8000, 8000)

    assert within_limits(filling) == filling[1:]
    assert within_limits([*filling[1:], *messages(1)]) == [*filling[2:], *messages(1)]


def test_a_message_counts_with_what_is_kept_of_it() -> None:
    asked = messages(*[20_000] * 5)

    assert [len(message.content) for message in within_limits(asked)] == [MAX_MESSAGE_CHARS] * 4


def test_the_first_message_that_does_not_fit_ends_the_search() -> None:
    asked = messages(1, 8000, 8000, 8000, 8000, 1)

    assert within_limits(asked) == asked[2:]


def test_no_messages_are_none() -> None:
    assert within_limits([]) == []


@given(st.lists(st.integers(1, 20_000), min_size=1, max_size=600), st.integers(1, 40_000))
def test_whatever_is_asked_is_within_the_limits_and_ends_with_the_newest(lengths: list[int], last: int) -> None:
    asked = messages(*lengths, last)

    kept = within_limits(asked)

    assert 1 <= len(kept) <= MAX_MESSAGES
    assert max(len(message.content) for message in kept) <= MAX_MESSAGE_CHARS
    assert sum(len(message.content) for message in kept) <= MAX_TOTAL_CHARS
    assert asked[-1].content.endswith(kept[-1].content)
