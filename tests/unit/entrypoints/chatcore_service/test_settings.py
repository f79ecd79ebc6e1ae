"""Settings: names, defaults and error messages."""

from __future__ import annotations

from datetime import timedelta

import pytest

from chatcore import AutoTitle, OnBusy, Rescue
from chatcore_service.auth_settings import AuthMode, OidcSettings
from chatcore_service.environment import InvalidSettingsError
from chatcore_service.settings import Settings, read_database_schema, read_database_url

KEY = {"INTERNAL_API_KEY": "secret-key"}


def test_the_defaults_are_those_of_the_contract() -> None:
    settings = Settings.from_environment(KEY)

    assert settings.database_url == "postgresql://localhost/samosachaat"
    assert settings.auth_mode is AuthMode.SERVICE
    assert settings.auth_service_url == "http://auth:8001"
    assert settings.inference_service_url == "http://inference:8000"
    assert settings.limits.history.max_messages == 50
    assert settings.limits.history.budget == 6000
    assert settings.limits.generations_per_user == 8
    assert settings.streams.max_per_user == 20
    assert settings.retention is None
    assert (settings.auth_cache_ttl_seconds, settings.auth_cache_max_size) == (300, 1024)
    assert settings.frontend_origins == ("http://localhost:3000",)
    assert (settings.admin_emails, settings.admin_user_ids) == ((), ())
    assert (settings.log_level, settings.service_name) == ("INFO", "chat-api")
    assert (settings.sampling.temperature, settings.sampling.max_tokens, settings.sampling.top_k) == (0.8, 1024, 50)
    assert (settings.streams.max_seconds, settings.drain_seconds) == (600, 20)
    assert settings.send_on_busy is OnBusy.REJECT


def test_settings_without_variables_are_the_default_settings() -> None:
    assert Settings.from_environment(KEY) == Settings(internal_api_key="secret-key")


def test_every_variable_sets_its_field() -> None:
    settings = Settings.from_environment(
        {
            **KEY,
            "DATABASE_URL": "postgresql://db/chat",
            "DATABASE_POOL_MAX_SIZE": "5",
            "DATABASE_PREPARED_STATEMENTS": "false",
            "AUTH_SERVICE_URL": "https://auth.test/",
            "INFERENCE_SERVICE_URL": "http://127.0.0.1:9/base",
            "MAX_CONVERSATION_HISTORY": "7",
            "MAX_TOKEN_BUDGET": "8",
            "MAX_GENERATIONS_PER_USER": "9",
            "MAX_STREAMS_PER_USER": "10",
            "AUTH_CACHE_TTL_SECONDS": "11.5",
            "AUTH_CACHE_MAX_SIZE": "12",
            "AUTH_TIMEOUT_SECONDS": "1",
            "ADMIN_EMAILS": "root@a.test, Kim@b.test,",
            "ADMIN_USER_IDS": "id-1,id-2",
            "INFERENCE_CONNECT_TIMEOUT_SECONDS": "1",
            "INFERENCE_FIRST_FRAME_TIMEOUT_SECONDS": "2",
            "INFERENCE_IDLE_TIMEOUT_SECONDS": "3",
            "INFERENCE_TOTAL_TIMEOUT_SECONDS": "4",
            "DEFAULT_TEMPERATURE": "0",
            "DEFAULT_MAX_TOKENS": "4096",
            "DEFAULT_TOP_K": "0",
            "SEND_ON_BUSY": "Interrupt",
            "RESCUE": "Restart",
            "INFERENCE_CAN_CONTINUE": "true",
            "STREAM_MAX_SECONDS": "60",
            "STREAM_KEEP_ALIVE_SECONDS": "5",
            "STREAM_WRITE_TIMEOUT_SECONDS": "6",
            "STREAM_REVALIDATE_SECONDS": "7",
            "MAX_HEADER_BYTES": "4096",
            "HEADER_TIMEOUT_SECONDS": "8",
            "MAX_REPLY_CHARACTERS": "5000",
            "MAX_FRAME_BYTES": "6000",
            "MAX_INFERENCE_HEADER_BYTES": "7000",
            "MAX_BODY_BYTES": "2048",
            "BODY_TIMEOUT_SECONDS": "3",
            "FRONTEND_URL": "https://a.test, http://b.test:8080/",
            "INFERENCE_GENERATE_PATH": "/v2/generate",
            "DATABASE_SCHEMA": "Chat app",
            "PLACEHOLDER_TITLES": "Untitled, Neuer Chat",
            "AUTO_TITLE": "Model",
            "RETENTION_DAYS": "90",
            "DRAIN_SECONDS": "0",
            "SERVICE_NAME": "chat",
            "LOG_LEVEL": "debug",
        }
    )

    assert settings.database_url == "postgresql://db/chat"
    assert settings.database_schema == "Chat app"
    assert (settings.database_pool_max_size, settings.database_prepared_statements) == (5, False)
    assert (settings.auth_service_url, settings.auth_timeout_seconds) == ("https://auth.test", 1)
    assert settings.inference_service_url == "http://127.0.0.1:9/base"
    assert (settings.limits.history.max_messages, settings.limits.history.budget) == (7, 8)
    assert (settings.limits.generations_per_user, settings.streams.max_per_user) == (9, 10)
    assert (settings.auth_cache_ttl_seconds, settings.auth_cache_max_size) == (11.5, 12)
    assert settings.admin_emails == ("root@a.test", "Kim@b.test")
    assert settings.admin_user_ids == ("id-1", "id-2")
    timeouts = settings.inference_timeouts
    assert (timeouts.connect_seconds, timeouts.first_frame_seconds) == (1, 2)
    assert (timeouts.idle_seconds, timeouts.total_seconds) == (3, 4)
    assert (settings.sampling.temperature, settings.sampling.max_tokens, settings.sampling.top_k) == (0, 4096, 0)
    streams = settings.streams
    assert (streams.max_seconds, streams.keep_alive_seconds) == (60, 5)
    assert (streams.write_timeout_seconds, streams.revalidate_seconds) == (6, 7)
    assert (settings.requests.max_body_bytes, settings.requests.body_timeout_seconds) == (2048, 3)
    assert (settings.requests.max_header_bytes, settings.requests.header_timeout_seconds) == (4096, 8)
    limits = settings.inference_limits
    assert (limits.max_text_chars, limits.max_frame_bytes, limits.max_header_bytes) == (5000, 6000, 7000)
    assert settings.retention == timedelta(days=90)
    assert settings.frontend_origins == ("https://a.test", "http://b.test:8080")
    assert settings.inference.generate_path == "/v2/generate"
    assert settings.placeholder_titles == ("Untitled", "Neuer Chat")
    assert settings.auto_title is AutoTitle.MODEL
    assert settings.send_on_busy is OnBusy.INTERRUPT
    assert settings.rescue is Rescue.RESTART
    assert settings.inference.can_continue is True
    assert (settings.drain_seconds, settings.service_name, settings.log_level) == (0, "chat", "DEBUG")


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        (
            {"MAX_MESSAGE_CHARACTERS": "8000", "MAX_BODY_BYTES": "12064"},
            (
                "MAX_MESSAGE_CHARACTERS must be at most 1000, because MAX_BODY_BYTES is 12064 and a character may "
                "take 12 bytes."
            ),
        ),
        (
            {"DEFAULT_MAX_TOKENS": "513", "MAX_REPLY_TOKENS": "512"},
            "DEFAULT_MAX_TOKENS must be a whole number from 1 to 512.",
        ),
        (
            {"DEFAULT_TEMPERATURE": "1.1", "MAX_TEMPERATURE": "1"},
            "DEFAULT_TEMPERATURE must be a number from 0 to 1.",
        ),
    ],
)
def test_limits_that_contradict_each_other_are_refused(variables: dict[str, str], sentence: str) -> None:
    with pytest.raises(InvalidSettingsError) as refused:
        Settings.from_environment({**KEY, **variables})

    assert str(refused.value) == sentence


OIDC = {**KEY, "AUTH_MODE": "oidc", "OIDC_ISSUER": "https://issuer.test/", "OIDC_AUDIENCE": "chat, mobile"}


def test_an_issuer_is_taken_as_it_is_written() -> None:
    settings = Settings.from_environment({**OIDC, "OIDC_ADMIN_CLAIM": "groups=cn=admins,dc=test"})

    assert settings.auth_mode is AuthMode.OIDC
    assert settings.oidc == OidcSettings(
        issuer="https://issuer.test/", audiences=("chat", "mobile"), admin_claim="groups=cn=admins,dc=test"
    )


def test_no_claim_names_administrators_by_default() -> None:
    oidc = Settings.from_environment(OIDC).oidc

    assert oidc
    assert oidc.admin_claim is None


@pytest.mark.parametrize(
    ("variables", "sentences"),
    [
        ({"AUTH_MODE": "oidc"}, {"OIDC_ISSUER is required.", "OIDC_AUDIENCE is required."}),
        ({"AUTH_MODE": "jwt"}, {"AUTH_MODE must be one of oidc, proxy, service."}),
        ({"OIDC_ISSUER": "https://issuer.test"}, {"OIDC_ISSUER needs AUTH_MODE=oidc."}),
        (
            {"AUTH_MODE": "service", "OIDC_AUDIENCE": "chat", "OIDC_ADMIN_CLAIM": "is_admin"},
            {"OIDC_AUDIENCE needs AUTH_MODE=oidc.", "OIDC_ADMIN_CLAIM needs AUTH_MODE=oidc."},
        ),
        (
            {**OIDC, "OIDC_ISSUER": "issuer.test"},
            {
                (
                    "OIDC_ISSUER must be an http:// or https:// address without a user, a query or a fragment, such as "
                    "http://host:8000/path."
                )
            },
        ),
        ({**OIDC, "OIDC_AUDIENCE": " , "}, {"OIDC_AUDIENCE must be one or more names, separated by commas."}),
        *(
            (
                {**OIDC, "OIDC_ADMIN_CLAIM": claim},
                {
                    (
                        "OIDC_ADMIN_CLAIM must be the name of a claim, such as is_admin, or name=value, such as "
                        "groups=admins."
                    )
                },
            )
            for claim in ("=admins", "groups=", "=")
        ),
    ],
)
def test_settings_of_a_mode_that_are_missing_or_malformed_or_of_another_mode_are_named(
    variables: dict[str, str], sentences: set[str]
) -> None:
    with pytest.raises(InvalidSettingsError) as refused:
        Settings.from_environment({**KEY, **variables})

    assert set(str(refused.value).splitlines()) == sentences


def test_a_default_follows_a_lower_limit() -> None:
    settings = Settings.from_environment({**KEY, "MAX_REPLY_TOKENS": "512", "MAX_TEMPERATURE": "0.5"})

    assert (settings.sampling.max_tokens, settings.sampling.temperature) == (512, 0.5)


def test_secrets_are_not_shown() -> None:
    settings = Settings.from_environment({**KEY, "DATABASE_URL": "postgresql://me:secret-password@db/chat"})

    assert "secret" not in repr(settings)


def test_a_migration_needs_the_database_alone() -> None:
    assert read_database_schema({}) == "public"
    assert read_database_schema({"DATABASE_SCHEMA": "chat"}) == "chat"
    with pytest.raises(InvalidSettingsError, match="DATABASE_SCHEMA must be"):
        read_database_schema({"DATABASE_SCHEMA": "pg_chat"})
    assert read_database_url({}) == "postgresql://localhost/samosachaat"
    assert read_database_url({"DATABASE_URL": "postgresql://db/chat"}) == "postgresql://db/chat"
