"""Tests the limits of requests for a reply."""

import pytest

from chatcore_dev.inference_service.generation_request import GenerationRequest, parse_generation_request
from chatcore_dev.service_parts.json_requests import RefusedError

HELLO = [{"role": "user", "content": "I need a holiday"}]


def messages(count: int, content: str = "x") -> list[dict[str, str]]:
    return [{"role": ("user", "assistant")[number % 2], "content": content} for number in range(count)]


ACCEPTED: dict[str, dict[str, object]] = {
    "500 messages": {"messages": messages(500)},
    "8000 characters": {"messages": messages(1, "x" * 8000)},
    "32000 in all": {"messages": messages(4, "ü" * 8000)},
    "only the assistant spoke": {"messages": [{"role": "assistant", "content": "x"}]},
    "the highest figures": {"messages": HELLO, "temperature": 2, "top_k": 200},
    "the lowest figures": {"messages": HELLO, "temperature": 0, "top_k": 0, "max_tokens": 1},
    "further fields": {"messages": [{"role": "user", "content": "x", "name": "y"}], "n": 7},
}

REFUSED: dict[str, dict[str, object]] = {
    "no messages": {},
    "empty messages": {"messages": []},
    "501 messages": {"messages": messages(501)},
    "8001 characters": {"messages": messages(1, "x" * 8001)},
    "32001 in all": {"messages": [*messages(4, "x" * 8000), {"role": "user", "content": "x"}]},
    "an empty message": {"messages": messages(1, "")},
    "a system message": {"messages": [{"role": "system", "content": "x"}]},
    "a role of another type": {"messages": [{"role": ["user"], "content": "x"}]},
    "content of another type": {"messages": [{"role": "user", "content": 7}]},
    "a message of another type": {"messages": ["x"]},
    "messages of another type": {"messages": "x"},
    "too warm": {"messages": HELLO, "temperature": 2.01},
    "too cold": {"messages": HELLO, "temperature": -0.01},
    "a boolean temperature": {"messages": HELLO, "temperature": True},
    "no tokens": {"messages": HELLO, "max_tokens": 0},
    "too many tokens": {"messages": HELLO, "max_tokens": 4097},
    "half a token": {"messages": HELLO, "max_tokens": 1.5},
    "top_k too high": {"messages": HELLO, "top_k": 201},
    "top_k as text": {"messages": HELLO, "top_k": "5"},
}


@pytest.mark.parametrize("body", ACCEPTED.values(), ids=ACCEPTED)
def test_a_request_within_the_limits_is_accepted(body: dict[str, object]) -> None:
    assert 1 <= parse_generation_request(body).max_tokens <= 4096


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED)
def test_a_request_over_a_limit_is_refused_with_a_reason(body: dict[str, object]) -> None:
    with pytest.raises(RefusedError) as caught:
        parse_generation_request(body)

    assert caught.value.status == 400
    assert caught.value.reason.endswith(".")


def test_the_statement_is_the_users_last_message() -> None:
    roles = ("user", "user", "assistant")
    body: dict[str, object] = {
        "messages": [{"role": role, "content": str(number)} for number, role in enumerate(roles)],
        "max_tokens": 7,
    }

    assert parse_generation_request(body) == GenerationRequest(statement="1", max_tokens=7)


def test_without_a_user_message_the_statement_is_empty() -> None:
    body: dict[str, object] = {"messages": [{"role": "assistant", "content": "x"}]}

    assert parse_generation_request(body) == GenerationRequest(statement="", max_tokens=4096)
