"""Builds the service from its settings. This is the only module that imports adapters.

The container builds all parts closed, and :mod:`chatcore_service.lifespan` opens them. A test overrides ports before
the test requests the application::

    container = Container(settings=settings)
    container.storage.override(InMemoryStorage(clock))
    app = container.application()
"""

from collections.abc import Mapping
from typing import TypedDict

from attrs import asdict
from dependency_injector import containers, providers
from starlette.applications import Starlette

from chatcore import Chat
from chatcore.administrators import Administrators
from chatcore.ports import Auth, Clock, Inference, Models, Storage, StreamCounts
from chatcore.system_clock import SystemClock
from chatcore_auth import AuthClient, IssuerDirectory
from chatcore_inference import (
    Continuation,
    InferenceClient,
    InferenceLimits,
    InferenceTimeouts,
    OpenAiProtocol,
    SamosachaatProtocol,
    WireProtocol,
)
from chatcore_postgres import MigrationError, PostgresStorage, migrate
from chatcore_postgres.samosachaat import ImportFailedError, ImportReport, OnProgress, TableCounts, import_samosachaat
from chatcore_service.console.sign_in import SignIn, sign_in_for
from chatcore_service.endpoint_container import EndpointContainer
from chatcore_service.http.admission import Admission
from chatcore_service.http.application import build_application
from chatcore_service.http.bearer_authenticator import BearerAuthenticator
from chatcore_service.http.body_reader import BodyReader
from chatcore_service.http.buffer_budget import BufferBudget
from chatcore_service.http.caller import Authenticator
from chatcore_service.http.proxy_authenticator import ProxyAuthenticator
from chatcore_service.http.waiting_turns import WaitingTurns
from chatcore_service.inference_settings import InferenceProtocol, InferenceSettings
from chatcore_service.lifespan import ServiceLifespan, Shutdown
from chatcore_service.logs import count_dropped_lines
from chatcore_service.metrics import Metrics
from chatcore_service.observer import LoggingObserver
from chatcore_service.readiness import Readiness
from chatcore_service.settings import Settings
from chatcore_service.streaming.cluster_stream_counts import ClusterStreamCounts
from chatcore_service.streaming.feed_streams import FeedStreams
from chatcore_service.streaming.stream_limiter import StreamLimiter
from chatcore_service.streaming.stream_monitor import StreamMonitor
from chatcore_service.streaming.streams import Streams

__all__ = [
    "Container",
    "ImportFailedError",
    "ImportReport",
    "MigrationError",
    "OnProgress",
    "PostgresStorage",
    "TableCounts",
    "import_samosachaat",
    "migrate",
]


class _AuthOptions(TypedDict):
    ttl_seconds: float
    max_size: int
    timeout_seconds: float
    admin_emails: tuple[str, ...]
    admin_user_ids: tuple[str, ...]


def _auth_options(settings: Settings) -> _AuthOptions:
    """Returns the arguments that the auth adapter of every mode has."""
    return {
        "ttl_seconds": settings.auth_cache_ttl_seconds,
        "max_size": settings.auth_cache_max_size,
        "timeout_seconds": settings.auth_timeout_seconds,
        "admin_emails": settings.admin_emails,
        "admin_user_ids": settings.admin_user_ids,
    }


def _service_auth(settings: Settings, clock: Clock) -> AuthClient:
    return AuthClient(settings.auth_service_url, settings.internal_api_key, clock, **_auth_options(settings))


def _oidc_auth(settings: Settings, clock: Clock) -> Auth:
    # The libraries for signatures take 10 MB and a tenth of a second, which only this mode needs.
    from chatcore_auth.oidc_client import OidcClient  # noqa: PLC0415

    oidc = settings.oidc
    assert oidc  # noqa: S101 - true in this mode
    options = _auth_options(settings)
    return OidcClient(oidc.issuer, oidc.audiences, clock, admin_claim=oidc.admin_claim, **options)


def _authenticator(settings: Settings, auth: Auth | None) -> Authenticator:
    if settings.auth_proxy is None:
        assert auth is not None  # noqa: S101 - every mode without a trusted proxy has an adapter
        return BearerAuthenticator(auth)
    return ProxyAuthenticator(
        settings.auth_proxy,
        Administrators(emails=settings.admin_emails, user_ids=settings.admin_user_ids),
        origins=settings.frontend_origins,
    )


def _inference(settings: Settings) -> InferenceClient:
    speaks_openai = settings.inference.protocol is InferenceProtocol.OPENAI
    return InferenceClient(
        settings.inference_service_url,
        settings.inference.api_key if speaks_openai else settings.internal_api_key,
        timeouts=InferenceTimeouts(**asdict(settings.inference_timeouts)),
        limits=InferenceLimits(**asdict(settings.inference_limits)),
        protocol=_openai(settings.inference) if speaks_openai else _samosachaat(settings.inference),
    )


def _openai(settings: InferenceSettings) -> WireProtocol:
    return OpenAiProtocol(
        settings.model,
        continuation=Continuation(settings.openai_continue),
        sends_top_k=settings.openai_send_top_k,
    )


def _samosachaat(settings: InferenceSettings) -> WireProtocol:
    return SamosachaatProtocol(settings.generate_path, can_continue=settings.can_continue)


def _pool_stats(storage: Storage) -> Mapping[str, Mapping[str, int]]:
    return storage.pool_stats() if isinstance(storage, PostgresStorage) else {}


def _stream_counts(storage: Storage) -> StreamCounts:
    # One adapter implements both ports, over the same connections.
    assert isinstance(storage, StreamCounts)  # noqa: S101 - true of our adapters
    return storage


def _models(inference: Inference) -> Models:
    # One adapter implements both ports: it requests replies and models over the same connections.
    assert isinstance(inference, Models)  # noqa: S101 - true of our adapters
    return inference


class Container(containers.DeclarativeContainer):
    """Declares every part of the service and its dependencies."""

    settings = providers.Dependency(instance_of=Settings)

    # Ports -----------------------------------------------------------------------------------------------------------

    clock = providers.Singleton[Clock](SystemClock)
    storage = providers.Singleton[Storage](
        PostgresStorage,
        settings.provided.database_url,
        max_connections=settings.provided.database_pool_max_size,
        prepared_statements=settings.provided.database_prepared_statements,
        schema=settings.provided.database_schema,
    )
    stream_counts = providers.Singleton[StreamCounts](_stream_counts, storage)
    auth = providers.Selector[Auth | None](
        settings.provided.auth_mode,
        # A line for each mode: its name is the value of the AuthMode.
        service=providers.Singleton(_service_auth, settings, clock),
        oidc=providers.Singleton(_oidc_auth, settings, clock),
        # A trusted proxy sends no token that could be validated.
        proxy=providers.Object(None),
    )
    inference = providers.Singleton[Inference](_inference, settings)
    models = providers.Singleton[Models](_models, inference)
    metrics = providers.Singleton(Metrics)
    observer = providers.Singleton(LoggingObserver, metrics, clock)

    # The core --------------------------------------------------------------------------------------------------------

    chat = providers.Singleton(
        Chat,
        storage=storage,
        inference=inference,
        clock=clock,
        observer=observer,
        limits=settings.provided.limits,
        placeholder_titles=settings.provided.placeholder_titles,
        rescue=settings.provided.rescue,
        auto_title=settings.provided.auto_title,
        retention=settings.provided.retention,
    )

    # HTTP ------------------------------------------------------------------------------------------------------------

    authenticator = providers.Singleton[Authenticator](_authenticator, settings, auth)
    readiness = providers.Singleton(
        Readiness,
        storage=storage,
        authenticator=authenticator,
        inference=inference,
        runner=chat.provided.runner,
        clock=clock,
    )
    stream_monitor = providers.Singleton(
        StreamMonitor, authenticator=authenticator, clock=clock, settings=settings.provided.streams
    )
    cluster_stream_counts = providers.Singleton(
        ClusterStreamCounts, counts=stream_counts, clock=clock, observer=observer
    )
    limiter = providers.Singleton(
        StreamLimiter, settings.provided.streams.max_per_user, cluster_counts=cluster_stream_counts, clock=clock
    )
    streams = providers.Singleton(
        Streams, turns=chat.provided.turns, stream_monitor=stream_monitor, limiter=limiter, metrics=metrics
    )
    feed_streams = providers.Singleton(
        FeedStreams,
        feeds=chat.provided.feeds,
        stream_monitor=stream_monitor,
        settings=settings.provided.streams,
        metrics=metrics,
    )
    buffer_budget = providers.Singleton(BufferBudget, settings.provided.requests.max_buffered_bytes, metrics)
    admission = providers.Singleton(
        Admission, settings.provided.requests, buffer_budget=buffer_budget, clock=clock, metrics=metrics
    )
    bodies = providers.Singleton(BodyReader, settings.provided.requests)
    waiting_turns = providers.Singleton(WaitingTurns, settings.provided.requests.max_waiting_turns, metrics)
    sign_in = providers.Singleton[SignIn](
        sign_in_for,
        settings,
        providers.Factory(
            IssuerDirectory, clock=clock, timeout_seconds=settings.provided.auth_timeout_seconds
        ).provider,
    )
    endpoints = providers.Container(
        EndpointContainer,
        settings=settings,
        chat=chat,
        models=models,
        metrics=metrics,
        readiness=readiness,
        authenticator=authenticator,
        admission=admission,
        bodies=bodies,
        waiting_turns=waiting_turns,
        streams=streams,
        feed_streams=feed_streams,
        clock=clock,
        sign_in=sign_in,
    )
    pool_stats = providers.Callable(_pool_stats, storage)
    shutdown = providers.Singleton(Shutdown, chat, stream_monitor, settings.provided.drain_seconds)
    lifespan = providers.Singleton(
        ServiceLifespan,
        storage=storage,
        auth=auth,
        inference=inference,
        clock=clock,
        chat=chat,
        stream_monitor=stream_monitor,
        cluster_stream_counts=cluster_stream_counts,
        readiness=readiness,
        metrics=metrics,
        buffer_budget=buffer_budget,
        pool_stats=pool_stats.provider,
        dropped_lines=providers.Object(count_dropped_lines),
        shutdown=shutdown,
    )
    application = providers.Singleton[Starlette](
        build_application,
        endpoints.provided.every.call(),
        metrics=metrics,
        origins=settings.provided.frontend_origins,
        lifespan=lifespan,
    )
