"""The service's settings: read once, at the start, from the environment."""

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from attrs import field, frozen

from chatcore import HistoryLimits, Limits, Sampling
from chatcore.chat import DRAIN_SECONDS
from chatcore.conversations.history import MAX_HISTORY_MESSAGES
from chatcore.key_ring import keys_in
from chatcore.replies.sampling import MAX_TEMPERATURE, MAX_TOKENS, MAX_TOP_K
from chatcore_service.environment import Environment

DEFAULT_DATABASE_URL = "postgresql://localhost/samosachaat"

_LOG_LEVELS = frozenset({"CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG"})
# What a bound in bytes may be at most: each connection or reply may have to hold so much.
_MOST_BYTES = 16 * 1024 * 1024
_MOST_HEADER_BYTES = 1024 * 1024
# Half of an environment variable that went wrong (a line break, say) must not become a header.
_HEADER_VALUE = re.compile(r"[!-~]+")


@frozen(kw_only=True)
class InferenceTimeoutSettings:
    """How long the inference service may be silent, in seconds."""

    #: INFERENCE_CONNECT_TIMEOUT_SECONDS: until the connection stands.
    connect_seconds: float = 5.0
    #: INFERENCE_FIRST_FRAME_TIMEOUT_SECONDS: until the first frame.
    first_frame_seconds: float = 60.0
    #: INFERENCE_IDLE_TIMEOUT_SECONDS: between two frames.
    idle_seconds: float = 60.0
    #: INFERENCE_TOTAL_TIMEOUT_SECONDS: a reply as a whole.
    total_seconds: float = 900.0


@frozen(kw_only=True)
class InferenceLimitSettings:
    """How much the inference service may send."""

    #: MAX_REPLY_CHARACTERS: text of a reply.
    max_reply_characters: int = 1024 * 1024
    #: MAX_FRAME_BYTES: one event of a reply, as it is sent.
    max_frame_bytes: int = 256 * 1024
    #: MAX_INFERENCE_HEADER_BYTES: the head of a response.
    max_header_bytes: int = 16 * 1024


@frozen(kw_only=True)
class StreamSettings:
    """What a reader of a stream may expect. Durations in seconds."""

    #: MAX_STREAMS_PER_USER: open streams of one user, over all processes.
    max_per_user: int = 20
    #: STREAM_MAX_SECONDS: a stream's life; then its reader is told to come back.
    max_seconds: float = 600.0
    #: STREAM_KEEP_ALIVE_SECONDS: after so much silence a comment is sent.
    keep_alive_seconds: float = 15.0
    #: STREAM_WRITE_TIMEOUT_SECONDS: a reader that takes nothing for so long is cut off.
    write_timeout_seconds: float = 30.0
    #: STREAM_REVALIDATE_SECONDS: how often the token of an open stream is validated again. Often, since an answer that
    #: is remembered counts: a revoked token's stream lives for as long as the answer, and this.
    revalidate_seconds: float = 15.0


@frozen(kw_only=True)
class RequestSettings:
    """What a request may be."""

    #: MAX_HEADER_BYTES: its target and its headers.
    max_header_bytes: int = 16 * 1024
    #: HEADER_TIMEOUT_SECONDS: until all of them have come.
    header_timeout_seconds: float = 10.0
    #: MAX_BODY_BYTES.
    max_body_bytes: int = 256 * 1024
    #: BODY_TIMEOUT_SECONDS: until the whole body has come.
    body_timeout_seconds: float = 10.0


@frozen(kw_only=True)
class Settings:
    """Everything that may differ between two deployments. Variables of the same names in upper case."""

    #: Kept out of `repr`: it may hold a password.
    database_url: str = field(repr=False, default=DEFAULT_DATABASE_URL)
    database_pool_max_size: int = 16
    #: DATABASE_PREPARED_STATEMENTS: switch it off behind a PgBouncer that cannot have them.
    database_prepared_statements: bool = True
    auth_service_url: str = "http://auth:8001"
    inference_service_url: str = "http://inference:8000"
    #: The key that proves us to both; several, separated by commas, while it is being changed.
    internal_api_key: str = field(repr=False)
    auth_cache_ttl_seconds: float = 300.0
    auth_cache_max_size: int = 1024
    auth_timeout_seconds: float = 2.0
    inference_timeouts: InferenceTimeoutSettings = field(factory=InferenceTimeoutSettings)
    inference_limits: InferenceLimitSettings = field(factory=InferenceLimitSettings)
    #: MAX_CONVERSATION_HISTORY, MAX_TOKEN_BUDGET (characters), MAX_GENERATIONS_PER_USER.
    limits: Limits = field(factory=Limits)
    #: DEFAULT_TEMPERATURE, DEFAULT_MAX_TOKENS, DEFAULT_TOP_K: for requests that leave them out.
    sampling: Sampling = field(factory=Sampling)
    streams: StreamSettings = field(factory=StreamSettings)
    requests: RequestSettings = field(factory=RequestSettings)
    #: FRONTEND_URL: the origins that browsers may call us from, separated by commas.
    frontend_origins: tuple[str, ...] = ("http://localhost:3000",)
    #: How long running replies have to finish when the process is asked to end.
    drain_seconds: float = DRAIN_SECONDS
    service_name: str = "chat-api"
    log_level: str = "INFO"

    @classmethod
    def from_environment(cls, variables: Mapping[str, str]) -> "Settings":
        """Reads them all.

        Raises:
            InvalidSettingsError: names every variable that is missing or malformed.
        """
        environment = Environment(variables)
        settings = _read(environment)
        environment.check()
        return settings


def read_database_url(variables: Mapping[str, str]) -> str:
    """DATABASE_URL alone, for who needs nothing else."""
    return Environment(variables).text("DATABASE_URL", DEFAULT_DATABASE_URL)


def _read(environment: Environment) -> Settings:
    usual = Settings(internal_api_key="")
    return Settings(
        database_url=environment.text("DATABASE_URL", usual.database_url),
        database_pool_max_size=environment.whole(
            "DATABASE_POOL_MAX_SIZE", usual.database_pool_max_size, low=2, high=1000
        ),
        database_prepared_statements=environment.switch(
            "DATABASE_PREPARED_STATEMENTS", default=usual.database_prepared_statements
        ),
        auth_service_url=_url(environment, "AUTH_SERVICE_URL", usual.auth_service_url),
        inference_service_url=_url(environment, "INFERENCE_SERVICE_URL", usual.inference_service_url),
        internal_api_key=_key(environment),
        # No word of the auth service may be remembered for longer, nor a drain outlast the process manager's patience.
        auth_cache_ttl_seconds=environment.number(
            "AUTH_CACHE_TTL_SECONDS", usual.auth_cache_ttl_seconds, high=usual.auth_cache_ttl_seconds
        ),
        auth_cache_max_size=environment.whole("AUTH_CACHE_MAX_SIZE", usual.auth_cache_max_size, low=1, high=1_000_000),
        auth_timeout_seconds=environment.seconds("AUTH_TIMEOUT_SECONDS", usual.auth_timeout_seconds),
        inference_timeouts=_inference_timeouts(environment, usual.inference_timeouts),
        inference_limits=_inference_limits(environment, usual.inference_limits),
        limits=_limits(environment, usual.limits),
        sampling=_sampling(environment, usual.sampling),
        streams=_streams(environment, usual.streams),
        requests=_requests(environment, usual.requests),
        frontend_origins=_origins(environment, usual.frontend_origins),
        drain_seconds=environment.number("DRAIN_SECONDS", usual.drain_seconds, high=usual.drain_seconds),
        service_name=environment.text("SERVICE_NAME", usual.service_name),
        log_level=environment.choice("LOG_LEVEL", usual.log_level, _LOG_LEVELS),
    )


def _inference_timeouts(environment: Environment, usual: InferenceTimeoutSettings) -> InferenceTimeoutSettings:
    return InferenceTimeoutSettings(
        connect_seconds=environment.seconds("INFERENCE_CONNECT_TIMEOUT_SECONDS", usual.connect_seconds),
        first_frame_seconds=environment.seconds("INFERENCE_FIRST_FRAME_TIMEOUT_SECONDS", usual.first_frame_seconds),
        idle_seconds=environment.seconds("INFERENCE_IDLE_TIMEOUT_SECONDS", usual.idle_seconds),
        total_seconds=environment.seconds("INFERENCE_TOTAL_TIMEOUT_SECONDS", usual.total_seconds),
    )


def _inference_limits(environment: Environment, usual: InferenceLimitSettings) -> InferenceLimitSettings:
    return InferenceLimitSettings(
        max_reply_characters=environment.whole(
            "MAX_REPLY_CHARACTERS", usual.max_reply_characters, low=1, high=_MOST_BYTES
        ),
        max_frame_bytes=environment.whole("MAX_FRAME_BYTES", usual.max_frame_bytes, low=1024, high=_MOST_BYTES),
        max_header_bytes=environment.whole(
            "MAX_INFERENCE_HEADER_BYTES", usual.max_header_bytes, low=1024, high=_MOST_HEADER_BYTES
        ),
    )


def _limits(environment: Environment, usual: Limits) -> Limits:
    messages, budget = usual.history.max_messages, usual.history.budget
    return Limits(
        history=HistoryLimits(
            max_messages=environment.whole("MAX_CONVERSATION_HISTORY", messages, low=1, high=MAX_HISTORY_MESSAGES),
            budget=environment.whole("MAX_TOKEN_BUDGET", budget, low=1, high=1_000_000),
        ),
        generations_per_user=environment.whole(
            "MAX_GENERATIONS_PER_USER", usual.generations_per_user, low=1, high=10_000
        ),
    )


def _sampling(environment: Environment, usual: Sampling) -> Sampling:
    return Sampling(
        temperature=environment.number("DEFAULT_TEMPERATURE", usual.temperature, high=MAX_TEMPERATURE),
        max_tokens=environment.whole("DEFAULT_MAX_TOKENS", usual.max_tokens, low=1, high=MAX_TOKENS),
        top_k=environment.whole("DEFAULT_TOP_K", usual.top_k, low=0, high=MAX_TOP_K),
    )


def _streams(environment: Environment, usual: StreamSettings) -> StreamSettings:
    return StreamSettings(
        max_per_user=environment.whole("MAX_STREAMS_PER_USER", usual.max_per_user, low=1, high=10_000),
        max_seconds=environment.seconds("STREAM_MAX_SECONDS", usual.max_seconds),
        keep_alive_seconds=environment.seconds("STREAM_KEEP_ALIVE_SECONDS", usual.keep_alive_seconds),
        write_timeout_seconds=environment.seconds("STREAM_WRITE_TIMEOUT_SECONDS", usual.write_timeout_seconds),
        revalidate_seconds=environment.seconds("STREAM_REVALIDATE_SECONDS", usual.revalidate_seconds),
    )


def _requests(environment: Environment, usual: RequestSettings) -> RequestSettings:
    return RequestSettings(
        max_header_bytes=environment.whole(
            "MAX_HEADER_BYTES", usual.max_header_bytes, low=1024, high=_MOST_HEADER_BYTES
        ),
        header_timeout_seconds=environment.seconds("HEADER_TIMEOUT_SECONDS", usual.header_timeout_seconds),
        max_body_bytes=environment.whole("MAX_BODY_BYTES", usual.max_body_bytes, low=1024, high=_MOST_BYTES),
        body_timeout_seconds=environment.seconds("BODY_TIMEOUT_SECONDS", usual.body_timeout_seconds),
    )


def _url(environment: Environment, name: str, default: str) -> str:
    url = environment.text(name, default).rstrip("/")
    if not _is_http_url(url):
        environment.refuse(name, "must be an http:// or https:// address")
    return url


def _is_http_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _key(environment: Environment) -> str:
    text = environment.required("INTERNAL_API_KEY")
    keys = keys_in(text)
    if text and not (keys and all(_is_header_value(key.text) for key in keys)):
        environment.refuse("INTERNAL_API_KEY", "must be visible ASCII characters; commas separate several keys")
    return text


def _is_header_value(text: str) -> bool:
    return _HEADER_VALUE.fullmatch(text.replace(" ", "_")) is not None


def _origins(environment: Environment, usual: tuple[str, ...]) -> tuple[str, ...]:
    listed = environment.text("FRONTEND_URL", ",".join(usual)).split(",")
    origins = tuple(origin.strip().rstrip("/") for origin in listed if origin.strip())
    if not all(_is_http_url(origin) and urlsplit(origin).path == "" for origin in origins):
        environment.refuse("FRONTEND_URL", "must be origins such as https://chat.example.com, separated by commas")
    return origins
