"""Defines the service's settings, which are read once at the start from the environment.

A setting takes one line here: its default, its variable and the values that the variable may have.
"""

from collections.abc import Mapping
from datetime import timedelta

from attrs import field, fields, frozen

from chatcore import AutoTitle, HistoryLimits, Limits, OnBusy, Sampling
from chatcore.chat import DRAIN_SECONDS
from chatcore.conversations.conversation import PLACEHOLDER_TITLES
from chatcore.conversations.history import MAX_HISTORY_MESSAGES
from chatcore.input_limits import (
    MAX_CONTENT_CHARS,
    MAX_MODEL_TAG_CHARS,
    MAX_TEMPERATURE,
    MAX_TITLE_CHARS,
    MAX_TOKENS,
    MIN_MODEL_TAG_CHARS,
    MIN_TITLE_CHARS,
    InputLimits,
)
from chatcore.replies.rescue import Rescue
from chatcore.replies.sampling import MAX_TOP_K
from chatcore_service.auth_settings import AUTH_MODE, AuthMode, OidcSettings, only_with
from chatcore_service.environment import Environment, env, read_by, read_field, read_settings
from chatcore_service.inference_settings import (
    InferenceLimitSettings,
    InferenceSettings,
    InferenceTimeoutSettings,
)
from chatcore_service.origins import origins
from chatcore_service.proxy_settings import ProxySettings
from chatcore_service.setting_parsers import (
    characters,
    choice,
    days,
    emails,
    http_url,
    internal_keys,
    member,
    names,
    number,
    schema_name,
    seconds,
    switch,
    text,
    whole,
)

#: What a URL of a database that cannot be read often lacks.
SPECIAL_CHARACTERS = "special characters of its password must be percent-encoded, such as @ as %40"
#: What commands say if DATABASE_URL cannot be used.
NO_CONNECTION_STRING = f"DATABASE_URL must be a PostgreSQL connection string; {SPECIAL_CHARACTERS}."

# The upper bounds of settings in bytes: a connection or reply may hold that many bytes.
_MAX_BYTES = 16 * 1024 * 1024
_MAX_HEADER_BYTES = 1024 * 1024
# More than a process has file descriptors.
_MAX_CONNECTIONS = 1_000_000
# The contract with the auth service allows no longer caching of an answer.
_MAX_AUTH_CACHE_SECONDS = 300.0


@frozen(kw_only=True)
class StreamSettings:
    """The limits of event streams. Durations are in seconds."""

    #: Most open streams of one user, over all processes.
    max_per_user: int = field(default=20, metadata=env("MAX_STREAMS_PER_USER", whole(1, 10_000)))
    #: Lifetime of a stream, after which the reader is told to reconnect.
    max_seconds: float = field(default=600.0, metadata=env("STREAM_MAX_SECONDS", seconds))
    #: Silence after which a keep-alive is sent.
    keep_alive_seconds: float = field(default=15.0, metadata=env("STREAM_KEEP_ALIVE_SECONDS", seconds))
    #: Time without a byte taken after which the reader is disconnected.
    write_timeout_seconds: float = field(default=30.0, metadata=env("STREAM_WRITE_TIMEOUT_SECONDS", seconds))
    #: Interval at which the token of an open stream is validated again. The interval is short because the validation
    #: may use a cached answer: the stream of a revoked token lives for as long as the answer is cached, plus this
    #: interval.
    revalidate_seconds: float = field(default=15.0, metadata=env("STREAM_REVALIDATE_SECONDS", seconds))
    #: Most open feeds of one user on one process. To count feeds over all processes would cost more than feeding them.
    max_feeds_per_user: int = field(default=20, metadata=env("MAX_FEEDS_PER_USER", whole(1, 10_000)))
    #: Interval at which the token of an open feed is validated again. It is longer than that of streams, because there
    #: are many feeds, and most are idle.
    revalidate_feeds_seconds: float = field(default=300.0, metadata=env("FEED_REVALIDATE_SECONDS", seconds))


@frozen(kw_only=True)
class RequestSettings:
    """The limits of requests. Durations are in seconds."""

    #: Size of the target and the headers together.
    max_header_bytes: int = field(default=16 * 1024, metadata=env("MAX_HEADER_BYTES", whole(1024, _MAX_HEADER_BYTES)))
    #: Time until all headers have arrived.
    header_timeout_seconds: float = field(default=10.0, metadata=env("HEADER_TIMEOUT_SECONDS", seconds))
    #: Size of the body.
    max_body_bytes: int = field(default=256 * 1024, metadata=env("MAX_BODY_BYTES", whole(1024, _MAX_BYTES)))
    #: Time until the whole body has arrived.
    body_timeout_seconds: float = field(default=10.0, metadata=env("BODY_TIMEOUT_SECONDS", seconds))
    #: Most bytes of bodies that are not decoded and of responses that are not sent, over all requests of this process.
    max_buffered_bytes: int = field(
        default=256 * 1024 * 1024, metadata=env("MAX_BUFFERED_BYTES", whole(1024 * 1024, 1024**4))
    )
    #: Most turns that wait to begin. A process on one core begins more than 200 turns a second, so the last of the
    #: default number begins within a third of a second.
    max_waiting_turns: int = field(default=128, metadata=env("MAX_WAITING_TURNS", whole(1, 100_000)))
    #: Most requests of one user that this process handles at once. Open event streams have a limit of their own.
    max_per_user: int = field(default=64, metadata=env("MAX_REQUESTS_PER_USER", whole(1, 100_000)))
    #: Most requests of one user that this process accepts in a minute; 0 for no limit.
    max_per_minute: int = field(default=0, metadata=env("MAX_REQUESTS_PER_MINUTE", whole(0, 1_000_000)))


@frozen(kw_only=True)
class ConnectionSettings:
    """The limits of the connections of one process. Durations are in seconds."""

    #: Most connections. A new connection beyond the limit ends an idle one, or is refused if no connection is idle.
    max_connections: int = field(default=8192, metadata=env("MAX_CONNECTIONS", whole(1, _MAX_CONNECTIONS)))
    #: Time that an idle connection waits for the next request. Proxies reuse a connection for up to 60 seconds, and a
    #: request that meets the end of its connection is lost.
    keep_alive_seconds: float = field(default=75.0, metadata=env("KEEP_ALIVE_TIMEOUT_SECONDS", seconds))


def _read_input_limits(environment: Environment) -> InputLimits:
    default = InputLimits()
    max_body_bytes: int = read_field(fields(RequestSettings).max_body_bytes, environment)

    def read_characters(name: str, low: int, high: int, default: int) -> int:
        return environment.read(name, characters(low, high, max_body_bytes=max_body_bytes), default)

    return InputLimits(
        max_content_chars=read_characters("MAX_MESSAGE_CHARACTERS", 1, MAX_CONTENT_CHARS, default.max_content_chars),
        max_title_chars=read_characters(
            "MAX_TITLE_CHARACTERS", MIN_TITLE_CHARS, MAX_TITLE_CHARS, default.max_title_chars
        ),
        max_model_tag_chars=read_characters(
            "MAX_MODEL_TAG_CHARACTERS", MIN_MODEL_TAG_CHARS, MAX_MODEL_TAG_CHARS, default.max_model_tag_chars
        ),
        max_temperature=environment.read("MAX_TEMPERATURE", number(high=MAX_TEMPERATURE), default.max_temperature),
        max_tokens=environment.read("MAX_REPLY_TOKENS", whole(1, MAX_TOKENS), default.max_tokens),
    )


def _read_limits(environment: Environment) -> Limits:
    default = Limits()
    history = default.history
    return Limits(
        inputs=_read_input_limits(environment),
        history=HistoryLimits(
            max_messages=environment.read(
                "MAX_CONVERSATION_HISTORY", whole(1, MAX_HISTORY_MESSAGES), history.max_messages
            ),
            budget=environment.read("MAX_TOKEN_BUDGET", whole(1, 1_000_000), history.budget),
        ),
        generations_per_user=environment.read(
            "MAX_GENERATIONS_PER_USER", whole(1, 10_000), default.generations_per_user
        ),
    )


def _read_sampling(environment: Environment) -> Sampling:
    limits = _read_input_limits(environment)
    default = Sampling().lowered_to(limits)
    return Sampling(
        temperature=environment.read("DEFAULT_TEMPERATURE", number(high=limits.max_temperature), default.temperature),
        max_tokens=environment.read("DEFAULT_MAX_TOKENS", whole(1, limits.max_tokens), default.max_tokens),
        top_k=environment.read("DEFAULT_TOP_K", whole(0, MAX_TOP_K), default.top_k),
    )


@frozen(kw_only=True)
class Settings:
    """All settings that may differ between two deployments."""

    #: The database's address, kept out of `repr` because the address may contain a password.
    database_url: str = field(
        default="postgresql://localhost/samosachaat", repr=False, metadata=env("DATABASE_URL", text)
    )
    #: The schema of the tables; statements name it, so the `search_path` of a connection does not matter.
    database_schema: str = field(default="public", metadata=env("DATABASE_SCHEMA", schema_name))
    database_pool_max_size: int = field(default=16, metadata=env("DATABASE_POOL_MAX_SIZE", whole(2, 1000)))
    #: Whether statements are prepared; must be off behind a PgBouncer that does not support prepared statements.
    database_prepared_statements: bool = field(default=True, metadata=env("DATABASE_PREPARED_STATEMENTS", switch))
    #: How the service finds the user of a request.
    auth_mode: AuthMode = field(default=AuthMode.SERVICE, metadata=AUTH_MODE)
    #: The settings of the mode OIDC.
    oidc: OidcSettings | None = field(default=None, metadata=only_with(AuthMode.OIDC, OidcSettings))
    #: The settings of the mode PROXY.
    auth_proxy: ProxySettings | None = field(default=None, metadata=only_with(AuthMode.PROXY, ProxySettings))
    #: Whether the built-in page is served.
    console: bool = field(default=True, metadata=env("CONSOLE", switch))
    #: Where the built-in page exchanges a one-time code in the fragment of its address for a token.
    console_sign_in_url: str | None = field(default=None, metadata=env("CONSOLE_SIGN_IN_URL", http_url))
    auth_service_url: str = field(default="http://auth:8001", metadata=env("AUTH_SERVICE_URL", http_url))
    inference_service_url: str = field(default="http://inference:8000", metadata=env("INFERENCE_SERVICE_URL", http_url))
    inference: InferenceSettings = field(factory=InferenceSettings, metadata=read_by(InferenceSettings.read))
    #: The key that authenticates this service to both other services; during a rotation, several keys, separated by
    #: commas.
    internal_api_key: str = field(repr=False, metadata=env("INTERNAL_API_KEY", internal_keys))
    auth_cache_ttl_seconds: float = field(
        default=_MAX_AUTH_CACHE_SECONDS, metadata=env("AUTH_CACHE_TTL_SECONDS", number(high=_MAX_AUTH_CACHE_SECONDS))
    )
    auth_cache_max_size: int = field(default=1024, metadata=env("AUTH_CACHE_MAX_SIZE", whole(1, 1_000_000)))
    auth_timeout_seconds: float = field(default=2.0, metadata=env("AUTH_TIMEOUT_SECONDS", seconds))
    #: The e-mail addresses and the ids of administrators besides those whom the auth service or the issuer names.
    admin_emails: tuple[str, ...] = field(default=(), repr=False, metadata=env("ADMIN_EMAILS", emails))
    admin_user_ids: tuple[str, ...] = field(default=(), metadata=env("ADMIN_USER_IDS", names))
    inference_timeouts: InferenceTimeoutSettings = field(factory=InferenceTimeoutSettings)
    inference_limits: InferenceLimitSettings = field(factory=InferenceLimitSettings)
    #: The limits of what a user sends, of the history that the model sees, and of the replies that one user may have in
    #: progress.
    limits: Limits = field(factory=Limits, metadata=read_by(_read_limits))
    #: The sampling parameters that a request leaves out.
    sampling: Sampling = field(factory=Sampling, metadata=read_by(_read_sampling))
    streams: StreamSettings = field(factory=StreamSettings)
    requests: RequestSettings = field(factory=RequestSettings)
    connections: ConnectionSettings = field(factory=ConnectionSettings)
    #: The origins whose pages may call the service from a browser.
    frontend_origins: tuple[str, ...] = field(default=("http://localhost:3000",), metadata=env("FRONTEND_URL", origins))
    #: Titles that count as missing in a new conversation, so that the first message replaces such a title.
    placeholder_titles: tuple[str, ...] = field(default=PLACEHOLDER_TITLES, metadata=env("PLACEHOLDER_TITLES", names))
    #: What a conversation without a title of its user's choice is called after its first reply.
    auto_title: AutoTitle = field(default=AutoTitle.TRUNCATE, metadata=env("AUTO_TITLE", member(AutoTitle)))
    #: What a message or a regeneration does while a reply of its conversation is generated, if it does not say so.
    send_on_busy: OnBusy = field(default=OnBusy.REJECT, metadata=env("SEND_ON_BUSY", member(OnBusy)))
    #: What becomes of a reply whose process died or drains.
    rescue: Rescue = field(default=Rescue.CONTINUE, metadata=env("RESCUE", member(Rescue)))
    #: How long a conversation is kept that nobody touches; None for ever.
    retention: timedelta | None = field(default=None, metadata=env("RETENTION_DAYS", days))
    #: Time that replies in progress have to finish at shutdown. A process manager would kill a slower process.
    drain_seconds: float = field(default=DRAIN_SECONDS, metadata=env("DRAIN_SECONDS", number(high=DRAIN_SECONDS)))
    service_name: str = field(default="chat-api", metadata=env("SERVICE_NAME", text))
    log_level: str = field(
        default="INFO", metadata=env("LOG_LEVEL", choice("CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG"))
    )

    @classmethod
    def from_environment(cls, variables: Mapping[str, str]) -> "Settings":
        """Reads all settings.

        Raises:
            InvalidSettingsError: a variable is missing or malformed; the error names every such variable.
        """
        environment = Environment(variables)
        settings = read_settings(cls, environment)
        environment.check()
        return settings


def setting_names() -> frozenset[str]:
    """Returns the names of all variables that the settings are read from."""
    environment = Environment({})
    read_settings(Settings, environment)
    return environment.names


def read_database_url(variables: Mapping[str, str]) -> str:
    """Reads DATABASE_URL alone, for commands that need no other setting."""
    database_url: str = read_field(fields(Settings).database_url, Environment(variables))
    return database_url


def read_database_schema(variables: Mapping[str, str]) -> str:
    """Reads DATABASE_SCHEMA alone, for commands that need no other setting.

    Raises:
        InvalidSettingsError: the variable is malformed.
    """
    environment = Environment(variables)
    database_schema: str = read_field(fields(Settings).database_schema, environment)
    environment.check()
    return database_schema


def read_input_limits(variables: Mapping[str, str]) -> InputLimits:
    """Reads the limits of what a user sends alone, for commands that need no other setting.

    Raises:
        InvalidSettingsError: a variable is malformed.
    """
    environment = Environment(variables)
    limits = _read_input_limits(environment)
    environment.check()
    return limits


def read_placeholder_titles(variables: Mapping[str, str]) -> tuple[str, ...]:
    """Reads PLACEHOLDER_TITLES alone."""
    titles: tuple[str, ...] = read_field(fields(Settings).placeholder_titles, Environment(variables))
    return titles
