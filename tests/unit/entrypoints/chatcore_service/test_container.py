"""The container makes every part of the service from the settings."""

from __future__ import annotations

import json

import httpx
import pytest
import respx
from attrs import asdict, evolve
from dependency_injector import providers
from tests.unit.entrypoints.chatcore_service.http_service import SETTINGS, make_container
from tests.unit.entrypoints.chatcore_service.trusted_proxy import BEHIND_PROXY

from chatcore import AutoTitle, Rescue
from chatcore.system_clock import SystemClock
from chatcore_auth import AuthClient
from chatcore_auth.oidc_client import OidcClient
from chatcore_inference import InferenceClient, InferenceLimits, InferenceTimeouts, OpenAiProtocol
from chatcore_postgres import PostgresStorage
from chatcore_service.app import check, create_app
from chatcore_service.auth_settings import AuthMode, OidcSettings
from chatcore_service.container import Container
from chatcore_service.environment import InvalidSettingsError
from chatcore_service.http.proxy_authenticator import ProxyAuthenticator
from chatcore_service.inference_settings import (
    InferenceLimitSettings,
    InferenceProtocol,
    InferenceSettings,
    InferenceTimeoutSettings,
    OpenAiContinue,
)


def test_every_provider_makes_its_part() -> None:
    container = make_container()

    made = {name: provider() for name, provider in container.providers.items()}
    assert None not in made.values()


def test_the_ports_are_the_real_adapters_unless_they_are_overridden() -> None:
    container = Container(settings=SETTINGS)

    assert isinstance(container.storage(), PostgresStorage)
    assert isinstance(container.auth(), AuthClient)
    assert isinstance(container.inference(), InferenceClient)
    assert isinstance(container.clock(), SystemClock)


def test_the_inference_client_is_bounded_by_the_settings() -> None:
    timeouts = InferenceTimeoutSettings(connect_seconds=1, first_frame_seconds=2, idle_seconds=3, total_seconds=4)
    limits = InferenceLimitSettings(max_text_chars=5, max_frame_bytes=6, max_header_bytes=7)
    settings = evolve(
        SETTINGS,
        inference_timeouts=timeouts,
        inference_limits=limits,
        inference=InferenceSettings(generate_path="/v2/generate"),
    )
    client = Container(settings=settings).inference()

    assert isinstance(client, InferenceClient)
    assert client._timeouts == InferenceTimeouts(
        connect_seconds=1, first_frame_seconds=2, idle_seconds=3, total_seconds=4
    )
    assert client._limits == InferenceLimits(max_text_chars=5, max_frame_bytes=6, max_header_bytes=7)
    assert client._template.url == "http://inference:8000/v2/generate"


@pytest.mark.parametrize("can_continue", [True, False])
def test_the_settings_say_whether_the_model_can_continue(*, can_continue: bool) -> None:
    container = Container(settings=evolve(SETTINGS, inference=InferenceSettings(can_continue=can_continue)))

    assert container.inference().can_continue is can_continue


@pytest.mark.parametrize("continuation", OpenAiContinue)
def test_the_settings_say_how_an_openai_server_is_asked_to_continue(continuation: OpenAiContinue) -> None:
    inference = InferenceSettings(protocol=InferenceProtocol.OPENAI, openai_continue=continuation)
    client = Container(settings=evolve(SETTINGS, inference=inference)).inference()

    assert isinstance(client, InferenceClient)
    assert isinstance(client._protocol, OpenAiProtocol)
    assert client._protocol._continuation.value == continuation.value
    assert client.can_continue is (continuation is not OpenAiContinue.NONE)
    assert client._template.url == "http://inference:8000/chat/completions"


@pytest.mark.parametrize(("api_key", "sent"), [("sk-new", "sk-new"), (None, "")])
def test_an_openai_server_gets_its_own_key_or_none(api_key: str | None, sent: str) -> None:
    inference = InferenceSettings(protocol=InferenceProtocol.OPENAI, api_key=api_key)
    client = Container(settings=evolve(SETTINGS, inference=inference)).inference()

    assert isinstance(client, InferenceClient)
    assert client._keys.current.text == sent


@pytest.mark.parametrize("rescue", Rescue)
def test_the_settings_say_what_becomes_of_orphaned_replies(rescue: Rescue) -> None:
    chat = Container(settings=evolve(SETTINGS, rescue=rescue)).chat()

    assert chat.recovery._policy.rescue is rescue


@pytest.mark.parametrize("mode", [mode for mode in AuthMode if mode is not AuthMode.PROXY])
def test_every_auth_mode_has_an_adapter_that_exists_once(mode: AuthMode) -> None:
    adapters = {AuthMode.SERVICE: AuthClient, AuthMode.OIDC: OidcClient}
    oidc = OidcSettings(issuer="https://issuer.test", audiences=("chat",))
    container = Container(settings=evolve(SETTINGS, auth_mode=mode, oidc=oidc))

    assert isinstance(container.auth(), adapters[mode])
    assert container.auth() is container.auth()


def test_behind_a_trusted_proxy_no_token_is_validated() -> None:
    container = Container(settings=BEHIND_PROXY)

    assert container.auth() is None
    assert isinstance(container.authenticator(), ProxyAuthenticator)
    assert container.authenticator() is container.authenticator()
    check(BEHIND_PROXY)


@pytest.mark.parametrize("auto_title", AutoTitle)
def test_the_settings_say_whether_the_model_makes_titles(auto_title: AutoTitle) -> None:
    chat = Container(settings=evolve(SETTINGS, auto_title=auto_title)).chat()

    assert (chat.turns.starter.model_titles is not None) is (auto_title is AutoTitle.MODEL)


async def test_the_settings_name_administrators() -> None:
    settings = evolve(SETTINGS, admin_emails=("root@a.test",), admin_user_ids=("id-1",))
    users = {"by-email": {"id": "u", "email": "Root@a.test"}, "by-id": {"id": "id-1"}, "not-named": {"id": "id-2"}}

    def validate(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"valid": True, "user": users[json.loads(request.content)["token"]]})

    with respx.mock as router:
        router.post("http://auth:8001/auth/validate").mock(side_effect=validate)
        auth = Container(settings=settings).auth()
        assert isinstance(auth, AuthClient)
        async with auth:
            administrators = [token for token in users if (await auth.authenticate(token)).is_admin]

    assert administrators == ["by-email", "by-id"]


@pytest.mark.parametrize(
    ("settings_class", "adapter_class"),
    [(InferenceTimeoutSettings, InferenceTimeouts), (InferenceLimitSettings, InferenceLimits)],
)
def test_settings_and_inference_adapter_agree_on_names_and_defaults(
    settings_class: type[InferenceTimeoutSettings | InferenceLimitSettings],
    adapter_class: type[InferenceTimeouts | InferenceLimits],
) -> None:
    defaults = asdict(settings_class())

    assert defaults.items() <= asdict(adapter_class()).items()
    assert adapter_class(**defaults) == adapter_class()


def test_parts_that_must_exist_once_exist_once() -> None:
    container = make_container()

    for provider in (container.chat, container.storage, container.stream_monitor, container.limiter, container.metrics):
        assert isinstance(provider, providers.Singleton)
        assert provider() is provider()


def test_an_address_that_an_adapter_cannot_use_is_named() -> None:
    with pytest.raises(InvalidSettingsError) as caught:
        check(evolve(SETTINGS, database_url="mysql://x", inference_service_url="nonsense"))

    assert set(caught.value.problems) == {"DATABASE_URL", "INFERENCE_SERVICE_URL"}


def test_the_factory_reads_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("INTERNAL_API_KEY", raising=False)

    with pytest.raises(InvalidSettingsError, match="INTERNAL_API_KEY is required"):
        create_app()
