"""Builds the endpoints over the parts of the service that the container hands to them."""

from collections.abc import Mapping
from typing import Any, ClassVar

from dependency_injector import containers, providers

from chatcore import Chat
from chatcore_service.api.all_endpoints import openapi_document
from chatcore_service.api.changes import ChangeEndpoints
from chatcore_service.api.console import ConsoleEndpoints
from chatcore_service.api.conversations import ConversationEndpoints
from chatcore_service.api.docs import OpenApiEndpoints
from chatcore_service.api.forks import ForkEndpoints
from chatcore_service.api.messages import MessageEndpoints
from chatcore_service.api.models import ModelEndpoints
from chatcore_service.api.monitoring import MonitoringEndpoints
from chatcore_service.api.replies import ReplyEndpoints
from chatcore_service.api.search import SearchEndpoints
from chatcore_service.api.transfers import TransferEndpoints
from chatcore_service.api.trees import TreeEndpoints
from chatcore_service.http.admission import Admission
from chatcore_service.http.body_reader import BodyReader
from chatcore_service.http.waiting_turns import WaitingTurns
from chatcore_service.metrics import Metrics
from chatcore_service.readiness import Readiness
from chatcore_service.settings import Settings
from chatcore_service.streaming.feed_streams import FeedStreams
from chatcore_service.streaming.streams import Streams


class EndpointContainer(containers.DeclarativeContainer):
    """Declares the endpoints of every resource. Its dependencies have the names that they have in the container."""

    settings = providers.Dependency(instance_of=Settings)
    chat = providers.Dependency(instance_of=Chat)
    models = providers.Dependency[Any]()
    metrics = providers.Dependency(instance_of=Metrics)
    readiness = providers.Dependency(instance_of=Readiness)
    authenticator = providers.Dependency[Any]()
    admission = providers.Dependency(instance_of=Admission)
    bodies = providers.Dependency(instance_of=BodyReader)
    waiting_turns = providers.Dependency(instance_of=WaitingTurns)
    streams = providers.Dependency(instance_of=Streams)
    feed_streams = providers.Dependency(instance_of=FeedStreams)
    clock = providers.Dependency[Any]()
    sign_in = providers.Dependency[Any]()

    # What every class of endpoints takes that acts for a user.
    _for_users: ClassVar[Mapping[str, Any]] = {"authenticator": authenticator, "admission": admission}
    # What every class of endpoints takes that reads bodies.
    _for_bodies: ClassVar[Mapping[str, Any]] = {
        **_for_users,
        "bodies": bodies,
        "limits": settings.provided.limits.inputs,
    }

    conversations = providers.Factory(
        ConversationEndpoints, conversations=chat.provided.conversations, models=models, **_for_bodies
    )
    forks = providers.Factory(ForkEndpoints, conversations=chat.provided.conversations, **_for_bodies)
    messages = providers.Factory(
        MessageEndpoints,
        turns=chat.provided.turns,
        trees=chat.provided.trees,
        streams=streams,
        waiting_turns=waiting_turns,
        default_sampling=settings.provided.sampling,
        default_on_busy=settings.provided.send_on_busy,
        passed_fields=settings.provided.inference.pass_fields,
        **_for_bodies,
    )
    replies = providers.Factory(
        ReplyEndpoints, turns=chat.provided.turns, trees=chat.provided.trees, streams=streams, **_for_users
    )
    trees = providers.Factory(TreeEndpoints, trees=chat.provided.trees, **_for_users)
    searches = providers.Factory(SearchEndpoints, search=chat.provided.search, **_for_users)
    changes = providers.Factory(ChangeEndpoints, feeds=chat.provided.feeds, feed_streams=feed_streams, **_for_users)
    transfers = providers.Factory(
        TransferEndpoints,
        transfers=chat.provided.transfers,
        clock=clock,
        limits=settings.provided.limits.inputs,
        requests=settings.provided.requests,
        **_for_users,
    )
    model = providers.Factory(ModelEndpoints, models=models, **_for_bodies)
    monitoring = providers.Factory(MonitoringEndpoints, readiness=readiness, metrics=metrics)
    openapi = providers.Factory(
        OpenApiEndpoints,
        document=providers.Callable(
            openapi_document, settings.provided.limits.inputs, authenticator.provided.security_schemes
        ),
    )
    console = providers.Factory(
        ConsoleEndpoints,
        is_enabled=settings.provided.console,
        sign_in=sign_in,
        limits=settings.provided.limits.inputs,
    )
    #: The endpoints of all resources.
    every = providers.List(
        conversations,
        forks,
        messages,
        replies,
        trees,
        searches,
        changes,
        transfers,
        model,
        monitoring,
        openapi,
        console,
    )
