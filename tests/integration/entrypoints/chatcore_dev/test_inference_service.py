"""Tests the local inference service as a program: models, swaps, streams and limits."""

from collections.abc import Iterator

import httpx
import orjson
import pytest
from tests.integration.entrypoints.chatcore_dev.local_program import KEY, local_service

from chatcore_dev.inference_service.chatbots import MODEL_TAGS

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
    """Returns the frames of a whole stream, and checks the form of each."""
    *frames, rest = body.split(b"\n\n")
    assert rest == b""
    assert all(frame.startswith(b"data: ") for frame in frames)
    return [orjson.loads(frame.removeprefix(b"data: ")) for frame in frames]


@pytest.mark.parametrize("tag", MODEL_TAGS)
def test_each_model_replies_in_frames_of_one_word(http: httpx.Client, tag: str) -> None:
    http.post("/models/swap", json={"model_tag": tag})

    response = http.post("/generate", json={"messages": HELLO, "temperature": 0.8, "max_tokens": 64, "top_k": 50})

    *tokens, last = frames_of(response.content)
    assert response.headers["content-type"].startswith("text/event-stream")
    assert last == {"done": True}
    assert tokens
    assert all(set(frame) == {"token", "gpu"} and frame["gpu"] == 0 for frame in tokens)


def test_a_reply_has_at_most_max_tokens(http: httpx.Client) -> None:
    response = http.post("/generate", json={"messages": HELLO, "max_tokens": 1})

    assert len(frames_of(response.content)) == 2


def test_it_lists_its_models_and_the_loaded_one(http: httpx.Client) -> None:
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
def test_an_unknown_model_cannot_be_swapped_in(http: httpx.Client, body: dict[str, object], status: int) -> None:
    assert http.post("/models/swap", json=body).status_code == status


def test_a_request_over_a_limit_is_refused_with_a_reason(http: httpx.Client) -> None:
    response = http.post("/generate", json={"messages": []})

    assert response.status_code == 400
    assert response.json() == {"detail": "messages must be 1 to 500."}


@pytest.mark.parametrize(("method", "path"), [("POST", "/generate"), ("GET", "/models"), ("POST", "/models/swap")])
@pytest.mark.parametrize("headers", [{}, {"X-Internal-API-Key": "wrong"}], ids=["no key", "wrong key"])
def test_without_the_key_every_request_is_403(url: str, method: str, path: str, headers: dict[str, str]) -> None:
    assert httpx.request(method, f"{url}{path}", headers=headers, trust_env=False).status_code == 403
