"""Defines the settings of the inference service: what it speaks, how long it may take, and how much it may send."""

from enum import StrEnum
from typing import Self

from attrs import field, frozen

from chatcore_service.environment import Environment, env, read_settings
from chatcore_service.setting_parsers import (
    internal_keys,
    member,
    model_name,
    passed_names,
    seconds,
    switch,
    url_path,
    whole,
)

# The upper bounds of settings in bytes, of which a connection or reply may hold that many.
_MAX_BYTES = 16 * 1024 * 1024
_MAX_HEADER_BYTES = 1024 * 1024


class InferenceProtocol(StrEnum):
    """Names the protocols of inference services."""

    SAMOSACHAAT = "samosachaat"
    OPENAI = "openai"


class OpenAiContinue(StrEnum):
    """Names the ways in which OpenAI-compatible servers are asked to go on from their own text."""

    NONE = "none"
    PREFILL = "prefill"
    VLLM = "vllm"


#: The settings that only one protocol has.
_ONLY_FOR = {
    "INFERENCE_GENERATE_PATH": InferenceProtocol.SAMOSACHAAT,
    "INFERENCE_CAN_CONTINUE": InferenceProtocol.SAMOSACHAAT,
    "INFERENCE_API_KEY": InferenceProtocol.OPENAI,
    "INFERENCE_MODEL": InferenceProtocol.OPENAI,
    "OPENAI_CONTINUE": InferenceProtocol.OPENAI,
    "OPENAI_SEND_TOP_K": InferenceProtocol.OPENAI,
}


@frozen(kw_only=True)
class InferenceSettings:
    """What the inference service speaks, and what it can do."""

    protocol: InferenceProtocol = field(
        default=InferenceProtocol.SAMOSACHAAT, metadata=env("INFERENCE_PROTOCOL", member(InferenceProtocol))
    )
    #: Where the service takes requests for a reply, below its URL.
    generate_path: str = field(default="/generate", metadata=env("INFERENCE_GENERATE_PATH", url_path))
    #: Whether the service goes on from the text of the last message if that is the assistant's.
    can_continue: bool = field(default=False, metadata=env("INFERENCE_CAN_CONTINUE", switch))
    #: The key that an OpenAI-compatible server gets; during a rotation, several keys, separated by commas.
    api_key: str | None = field(default=None, repr=False, metadata=env("INFERENCE_API_KEY", internal_keys))
    #: The model of conversations that name none; None leaves the choice to the server.
    model: str | None = field(default=None, metadata=env("INFERENCE_MODEL", model_name))
    #: Fields of requests for a reply that go along to the service as they are.
    pass_fields: tuple[str, ...] = field(default=(), metadata=env("INFERENCE_PASS_FIELDS", passed_names))
    #: How the server is asked to go on from its own text.
    openai_continue: OpenAiContinue = field(
        default=OpenAiContinue.NONE, metadata=env("OPENAI_CONTINUE", member(OpenAiContinue))
    )
    #: Whether the server takes `top_k`; OpenAI's own refuses it.
    openai_send_top_k: bool = field(default=False, metadata=env("OPENAI_SEND_TOP_K", switch))

    @classmethod
    def read(cls, environment: Environment) -> Self:
        """Reads the settings, and refuses those that the protocol does not have."""
        settings = read_settings(cls, environment)
        for name, protocol in _ONLY_FOR.items():
            if settings.protocol is not protocol:
                environment.forbid(name, f"must be absent unless INFERENCE_PROTOCOL is {protocol}")
        return settings


@frozen(kw_only=True)
class InferenceTimeoutSettings:
    """The time limits of the inference service, in seconds. Field names are those of `InferenceTimeouts`."""

    #: Time to establish the connection.
    connect_seconds: float = field(default=5.0, metadata=env("INFERENCE_CONNECT_TIMEOUT_SECONDS", seconds))
    #: Time from the request to the first frame.
    first_frame_seconds: float = field(default=60.0, metadata=env("INFERENCE_FIRST_FRAME_TIMEOUT_SECONDS", seconds))
    #: Time between two frames.
    idle_seconds: float = field(default=60.0, metadata=env("INFERENCE_IDLE_TIMEOUT_SECONDS", seconds))
    #: Time for the whole reply.
    total_seconds: float = field(default=900.0, metadata=env("INFERENCE_TOTAL_TIMEOUT_SECONDS", seconds))


@frozen(kw_only=True)
class InferenceLimitSettings:
    """The size limits of the inference service's responses. Field names are those of `InferenceLimits`."""

    #: Size of a reply's text, in code points.
    max_text_chars: int = field(default=1024 * 1024, metadata=env("MAX_REPLY_CHARACTERS", whole(1, _MAX_BYTES)))
    #: Size of one event of a reply, as the inference service sends the event.
    max_frame_bytes: int = field(default=256 * 1024, metadata=env("MAX_FRAME_BYTES", whole(1024, _MAX_BYTES)))
    #: Size of the status line and headers of a response.
    max_header_bytes: int = field(
        default=16 * 1024, metadata=env("MAX_INFERENCE_HEADER_BYTES", whole(1024, _MAX_HEADER_BYTES))
    )
