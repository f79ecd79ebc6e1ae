"""Tests that messages are fitted into what the samosachaat inference service accepts."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatcore.conversations.history import HistoryMessage
from chatcore.conversations.message import Role
from chatcore.ports import InferenceRequest
from chatcore.replies.sampling import Sampling
from chatcore_dev.inference_service.generation_request import parse_generation_request
from chatcore_inference.protocols.samosachaat.message_limits import (
    MAX_MESSAGE_CHARS,
    MAX_MESSAGES,
    MAX_TOTAL_CHARS,
    within_limits,
)
from chatcore_inference.protocols.samosachaat.protocol import SamosachaatProtocol


def messages(*lengths: int) -> tuple[HistoryMessage, ...]:
    """Messages of these lengths, oldest first, the last one a user's."""
    count = len(lengths)
    return tuple(
        HistoryMessage((Role.ASSISTANT, Role.USER)[(count - number) % 2], f"{number}{'x' * length}"[:length])
        for number, length in enumerate(lengths)
    )


def test_messages_within_the_limits_stay_as_they_are() -> None:
    asked = messages(1, 10, 8000)

    assert within_limits(asked) == asked


def test_the_text_so_far_is_the_last_message() -> None:
    asked = messages(10, 20, 30)

    assert within_limits(asked, so_far="Hel") == (*asked, HistoryMessage(Role.ASSISTANT, "Hel"))
    assert within_limits(asked, so_far="") == asked


def test_of_a_long_text_so_far_the_end_is_kept() -> None:
    asked = messages(MAX_MESSAGE_CHARS, MAX_MESSAGE_CHARS, MAX_MESSAGE_CHARS)
    so_far = "x" * 50_000 + "y" * MAX_MESSAGE_CHARS

    shown = within_limits(asked, so_far=so_far)

    assert shown[-1] == HistoryMessage(Role.ASSISTANT, "y" * MAX_MESSAGE_CHARS)
    assert shown[-2] == asked[-1]
    assert sum(len(message.content) for message in shown) <= MAX_TOTAL_CHARS


def test_a_request_with_text_so_far_ends_with_the_assistants_message() -> None:
    request = InferenceRequest(messages=messages(3), sampling=Sampling(), user_id="ada", so_far="Hel")

    body = json.loads(SamosachaatProtocol(can_continue=True).generate_body(request))

    assert [message["role"] for message in body["messages"]] == ["user", "assistant"]
    assert body["messages"][-1]["content"] == "Hel"


def test_of_too_many_messages_the_newest_stay() -> None:
    asked = messages(*[1] * (MAX_MESSAGES + 1))

    assert within_limits(asked) == asked[2:]


def test_a_message_that_is_too_long_keeps_its_end() -> None:
    reply = HistoryMessage(Role.ASSISTANT, "x" * MAX_MESSAGE_CHARS + "end")

    assert within_limits([reply]) == (HistoryMessage(Role.ASSISTANT, reply.content[3:]),)


def test_all_messages_together_fill_the_limit_to_its_edge() -> None:
    asked = messages(8000, 8000, 8000, 7000, 2000)

    kept = within_limits(asked)

    assert kept[1:] == asked[1:]
    assert kept[0].content == "x" * (MAX_TOTAL_CHARS - 25_000)


def test_no_messages_are_none() -> None:
    assert within_limits([]) == ()


def test_the_instructions_go_into_the_first_message_of_the_user() -> None:
    asked = messages(1, 10, 5)

    assert within_limits(asked, "Be brief.") == (
        HistoryMessage(Role.USER, f"Be brief.\n\n{asked[0].content}"),
        *asked[1:],
    )


def test_instructions_come_before_a_reply_as_a_message_of_their_own() -> None:
    reply = HistoryMessage(Role.ASSISTANT, "Hello")

    assert within_limits([reply], "Be brief.") == (HistoryMessage(Role.USER, "Be brief."), reply)


@pytest.mark.parametrize(("length", "kept"), [(7000, 998), (7998, 0), (8000, 0)])
def test_an_earlier_message_gives_way_to_the_instructions(length: int, kept: int) -> None:
    instructions = "i" * length
    asked = messages(1000, 10, 5)
    end = asked[0].content[1000 - kept :]

    first, *others = within_limits(asked, instructions)

    assert first.content == (f"{instructions}\n\n{end}" if end else instructions)
    assert others == list(asked[1:])


@pytest.mark.parametrize(
    ("length", "newest", "kept", "kept_newest"),
    [
        (100, 7898, 100, 7898),
        (100, 8000, 100, 7898),
        (3999, 8000, 3999, 3999),
        (8000, 3999, 3999, 3999),
        (8000, 8, 7990, 8),
    ],
)
def test_of_a_single_message_and_its_instructions_each_has_at_least_half_the_room(
    length: int, newest: int, kept: int, kept_newest: int
) -> None:
    instructions = "begin" + "i" * (length - 5)
    (asked,) = messages(newest)

    (only,) = within_limits([asked], instructions)

    assert only.content == f"{instructions[:kept]}\n\n{asked.content[newest - kept_newest :]}"


def test_the_instructions_count_towards_the_limit_of_all_messages() -> None:
    kept = within_limits(messages(8000, 8000, 8000, 7000, 2000), "i" * 1000)

    assert sum(len(message.content) for message in kept) == MAX_TOTAL_CHARS
    assert kept[0].content.startswith("i" * 1000 + "\n\n")


@given(st.lists(st.integers(1, 20_000), max_size=600), st.integers(1, 20_000))
def test_the_service_accepts_every_history(lengths: list[int], last: int) -> None:
    request = InferenceRequest(messages=messages(*lengths, last), sampling=Sampling(), user_id="ada")

    body = json.loads(SamosachaatProtocol().generate_body(request))

    assert parse_generation_request(body).statement == request.messages[-1].content[-MAX_MESSAGE_CHARS:]


@given(st.lists(st.integers(1, 20_000), max_size=600), st.integers(1, 20_000), st.integers(1, 20_000))
def test_the_service_accepts_every_history_with_instructions(lengths: list[int], last: int, length: int) -> None:
    asked = messages(*lengths, last)
    request = InferenceRequest(messages=asked, instructions="i" * length, sampling=Sampling(), user_id="ada")

    body = json.loads(SamosachaatProtocol().generate_body(request))

    statement = parse_generation_request(body).statement
    assert body["messages"][0]["content"].startswith("i" * min(length, 3999))
    assert asked[-1].content.endswith(statement[-min(last, 3999) :])
    assert [message["role"] for message in body["messages"][::-2]] == ["user"] * len(body["messages"][::-2])
