"""The local inference service speaks the contract: models, swaps, streams and limits."""

from collections.abc import Iterator
from itertools import pairwise
from time import perf_counter

import httpx
import orjson
import pytest
from tests.integration.entrypoints.chatcore_dev.local_program import KEY, local_service

from chatcore_dev.conversationalists import MODEL_TAGS, Conversationalist, tokens_of
from chatcore_dev.inference_service import ModelPool
from chatcore_dev.json_requests import RefusedError

HELLO = [{"role": "user", "content": "I need a holiday"}]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with local_service("inference", "--tokens-per-second", "50") as address:
        yield address


@pytest.fixture
def http(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, headers={"X-Internal-API-Key": KEY}, trust_env=False) as client:
        yield client


def frames_of(body: bytes) -> list[dict[str, object]]:
    """The frames of a whole stream, each of which must have the agreed form."""
    *frames, rest = body.split(b"\n\n")
    assert rest == b""
    assert all(frame.startswith(b"data: ") for frame in frames)
    return [orjson.loads(frame.removeprefix(b"data: ")) for frame in frames]


@pytest.mark.parametrize("tag", MODEL_TAGS)
def test_each_model_answers_in_frames_of_a_word(http: httpx.Client, tag: str) -> None:
    http.post("/models/swap", json={"model_tag": tag})

    response = http.post("/generate", json={"messages": HELLO, "temperature": 0.8, "max_tokens": 64, "top_k": 50})

    *tokens, last = frames_of(response.content)
    assert response.headers["content-type"].startswith("text/event-stream")
    assert last == {"done": True}
    assert tokens
    assert all(set(frame) == {"token", "gpu"} and frame["gpu"] == 0 for frame in tokens)


def test_the_frames_come_one_by_one_at_the_set_pace(http: httpx.Client) -> None:
    http.post("/models/swap", json={"model_tag": "suntsu"})
    with http.stream("POST", "/generate", json={"messages": [{"role": "user", "content": "strategy"}]}) as response:
        arrivals = [perf_counter() for _ in response.iter_raw()]

    gaps = [later - earlier for earlier, later in pairwise(arrivals[:-1])]
    assert len(gaps) >= 2
    assert min(gaps) > 0.005


def test_no_more_tokens_come_than_were_asked_for(http: httpx.Client) -> None:
    response = http.post("/generate", json={"messages": HELLO, "max_tokens": 1})

    assert len(frames_of(response.content)) == 2


def test_it_names_its_models_and_the_loaded_one(http: httpx.Client) -> None:
    swapped = http.post("/models/swap", json={"model_tag": "zen"})
    listed = http.get("/models").json()

    assert (swapped.status_code, swapped.json()) == (202, {"status": "ok", "current_model": "zen"})
    assert listed["current_model"] == "zen"
    assert [(model["model_tag"], model["loaded"]) for model in listed["models"]] == [
        (tag, tag == "zen") for tag in MODEL_TAGS
    ]
    assert all(set(model) == {"model_tag", "source", "path", "loaded"} for model in listed["models"])


@pytest.mark.parametrize(
    ("body", "status"), [({}, 400), ({"model_tag": 7}, 400), ({"model_tag": ""}, 404), ({"model_tag": "gpt"}, 404)]
)
def test_a_model_that_it_has_not_cannot_be_swapped_in(http: httpx.Client, body: dict[str, object], status: int) -> None:
    assert http.post("/models/swap", json=body).status_code == status


def test_while_no_model_is_loaded_nothing_is_generated() -> None:
    with pytest.raises(RefusedError) as caught:
        ModelPool().current()

    assert caught.value.status == 503


def messages(count: int, content: str = "x") -> list[dict[str, str]]:
    return [{"role": ("user", "assistant")[number % 2], "content": content} for number in range(count)]


ACCEPTED: dict[str, dict[str, object]] = {
    "500 messages": {"messages": messages(500)},
    "8000 characters": {"messages": messages(1, "x" * 8000)},
    "32000 in all": {"messages": messages(4, "ü" * 8000)},
    "only the assistant spoke": {"messages": [{"role": "assistant", "content": "x"}]},
    "the highest figures": {"messages": HELLO, "temperature": 2, "top_k": 200},
    "the lowest": {"messages": HELLO, "temperature": 0, "top_k": 0, "max_tokens": 1},
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
def test_what_is_within_its_limits_is_answered(http: httpx.Client, body: dict[str, object]) -> None:
    response = http.post("/generate", json={"max_tokens": 2, **body})

    assert frames_of(response.content)[-1] == {"done": True}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED)
def test_what_breaks_them_is_400_with_a_reason(http: httpx.Client, body: dict[str, object]) -> None:
    response = http.post("/generate", json=body)

    assert response.status_code == 400
    assert response.json()["detail"].endswith(".")


@pytest.mark.parametrize(("method", "path"), [("POST", "/generate"), ("GET", "/models"), ("POST", "/models/swap")])
@pytest.mark.parametrize("headers", [{}, {"X-Internal-API-Key": "wrong"}], ids=["no key", "wrong key"])
def test_without_the_key_everything_is_403(url: str, method: str, path: str, headers: dict[str, str]) -> None:
    assert httpx.request(method, f"{url}{path}", headers=headers, trust_env=False).status_code == 403


AWKWARD = {
    "nothing": "",
    "blank": " \n ",
    "percent": "I need 50% off",
    "placeholders": "I need %1 %2 %",
    "a dotless i": "I need what \u0131 need",
    "a dotted capital": "I need what \u0130 need",
    "several lines": "I need\n\nthis\u2028and that",
    "a long word": "x" * 8000,
    "many words": "I need " + "you " * 1998,
    "emoji": "👩‍🚀" * 2000,
    "U+0000": "I need \x00",
    "a lone surrogate": "I need \ud800",
}


@pytest.mark.parametrize("statement", AWKWARD.values(), ids=AWKWARD)
@pytest.mark.parametrize("tag", MODEL_TAGS)
def test_a_conversationalist_has_an_answer_to_anything(tag: str, statement: str) -> None:
    conversationalist = Conversationalist(tag)

    assert all(conversationalist.reply(statement) for _ in range(5))


def test_a_percent_sign_comes_back_as_one() -> None:
    replies = {Conversationalist("eliza").reply("I need 50% off") for _ in range(100)}

    assert any("50% off" in reply for reply in replies)


@pytest.mark.parametrize("text", ["", "one", "one two", "  two  spaces ", "a\nb"])
def test_tokens_make_up_the_text(text: str) -> None:
    assert "".join(tokens_of(text)) == text
