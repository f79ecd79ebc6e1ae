"""Tests that messages are fitted into what the samosachaat inference service accepts."""

import json

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


@given(st.lists(st.integers(1, 20_000), max_size=600), st.integers(1, 20_000))
def test_the_service_accepts_every_history(lengths: list[int], last: int) -> None:
    request = InferenceRequest(messages=messages(*lengths, last), sampling=Sampling(), user_id="ada")

    body = json.loads(SamosachaatProtocol().generate_body(request))

    assert parse_generation_request(body).statement == request.messages[-1].content[-MAX_MESSAGE_CHARS:]
