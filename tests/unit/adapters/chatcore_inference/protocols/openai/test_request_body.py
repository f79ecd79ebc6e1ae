"""Tests what an OpenAI-compatible server is asked for."""

import json

import pytest
from attrs import evolve

from chatcore.conversations.history import HistoryMessage
from chatcore.conversations.message import Role
from chatcore.ports import InferenceRequest
from chatcore.replies.sampling import Sampling
from chatcore.testing.samples import ALICE
from chatcore_inference import SamosachaatProtocol, WireProtocol
from chatcore_inference.protocols.openai.protocol import OpenAiProtocol
from chatcore_inference.protocols.openai.request_body import Continuation

REQUEST = InferenceRequest(
    messages=(HistoryMessage(Role.USER, "Hello"),),
    sampling=Sampling(temperature=0.5, max_tokens=7, top_k=3),
    user_id=ALICE,
)


def body_of(request: InferenceRequest = REQUEST, protocol: OpenAiProtocol | None = None) -> dict[str, object]:
    """Returns the body of a request as the server reads it."""
    body: dict[str, object] = json.loads((protocol or OpenAiProtocol()).generate_body(request))
    return body


def test_a_stream_with_usage_is_asked_for() -> None:
    assert body_of() == {
        "messages": [{"role": "user", "content": "Hello"}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0.5,
        "max_tokens": 7,
    }


def test_top_k_is_sent_to_servers_that_take_it() -> None:
    assert body_of(protocol=OpenAiProtocol(sends_top_k=True))["top_k"] == 3


@pytest.mark.parametrize(
    ("tag", "model", "sent"),
    [("default", None, None), ("default", "small", "small"), ("large", None, "large"), ("large", "small", "large")],
)
def test_the_conversation_names_the_model_or_the_setting_does(tag: str, model: str | None, sent: str | None) -> None:
    assert body_of(evolve(REQUEST, model_tag=tag), OpenAiProtocol(model)).get("model") == sent


def test_the_instructions_are_a_system_message_at_the_front() -> None:
    assert body_of(evolve(REQUEST, instructions="Be brief."))["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hello"},
    ]


@pytest.mark.parametrize(
    ("continuation", "fields"),
    [
        (Continuation.PREFILL, {}),
        (Continuation.VLLM, {"continue_final_message": True, "add_generation_prompt": False}),
    ],
)
def test_a_reply_goes_on_from_the_last_message(continuation: Continuation, fields: dict[str, object]) -> None:
    protocol = OpenAiProtocol(continuation=continuation)
    continued = body_of(evolve(REQUEST, so_far="Hi the"), protocol)

    assert protocol.can_continue
    assert continued == {
        **body_of(),
        **fields,
        "messages": [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi the"}],
    }
    assert body_of(protocol=protocol) == body_of()


def test_a_server_that_cannot_continue_is_not_asked_to() -> None:
    assert not OpenAiProtocol().can_continue


def test_the_server_does_not_learn_who_the_user_is() -> None:
    headers = OpenAiProtocol().generate_headers(evolve(REQUEST, trace_id="trace-1"))

    assert headers == [(b"X-Trace-Id", b"trace-1")]
    assert str(ALICE) not in json.dumps(body_of())


@pytest.mark.parametrize("protocol", [OpenAiProtocol("m", sends_top_k=True), SamosachaatProtocol()])
def test_passed_fields_go_along_and_replace_nothing(protocol: WireProtocol) -> None:
    passed = {"mode": {"deep": True}, "messages": [], "temperature": 2, "max_tokens": 1}
    asked = evolve(REQUEST, sampling=evolve(REQUEST.sampling, passed=passed))

    assert json.loads(protocol.generate_body(asked)) == {
        **json.loads(protocol.generate_body(REQUEST)),
        "mode": {"deep": True},
    }
