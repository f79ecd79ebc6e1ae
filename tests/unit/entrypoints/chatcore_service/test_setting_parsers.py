"""The values of settings: a malformed one is named."""

from __future__ import annotations

import pytest

from chatcore_service.environment import InvalidSettingsError
from chatcore_service.settings import Settings

KEY = {"INTERNAL_API_KEY": "secret-key"}


MALFORMED_VARIABLES = (
    ("INTERNAL_API_KEY", ""),
    ("INTERNAL_API_KEY", "  "),
    ("INTERNAL_API_KEY", "a\nb"),
    ("INTERNAL_API_KEY", "é"),
    ("INTERNAL_API_KEY", ","),
    ("INTERNAL_API_KEY", "new,é"),
    ("AUTH_SERVICE_URL", "auth:8001"),
    ("AUTH_SERVICE_URL", "http://"),
    ("AUTH_SERVICE_URL", "http://h?x=1"),
    ("AUTH_SERVICE_URL", "http://h?"),
    ("AUTH_SERVICE_URL", "http://h/path?x"),
    ("AUTH_SERVICE_URL", "http://h#f"),
    ("AUTH_SERVICE_URL", "http://h#"),
    ("AUTH_SERVICE_URL", "http://me@h"),
    ("AUTH_SERVICE_URL", "http://me:secret@h"),
    ("AUTH_SERVICE_URL", "http://:@h"),
    ("AUTH_SERVICE_URL", "http://a b"),
    ("AUTH_SERVICE_URL", "http://h/a b"),
    ("AUTH_SERVICE_URL", "http://h\\x"),
    ("AUTH_SERVICE_URL", "http://h/a//b"),
    ("AUTH_SERVICE_URL", "http://h/../b"),
    ("AUTH_SERVICE_URL", "http://h/a/."),
    ("AUTH_SERVICE_URL", "http://h/%2e%2e/b"),
    ("AUTH_SERVICE_URL", "http://h/a%2Fb"),
    ("AUTH_SERVICE_URL", "http://h/a%0a"),
    ("AUTH_SERVICE_URL", "http://h:"),
    ("AUTH_SERVICE_URL", "http://h:0"),
    ("AUTH_SERVICE_URL", "http://h:x"),
    ("AUTH_SERVICE_URL", "http://é"),
    ("AUTH_SERVICE_URL", "http://[::g]"),
    ("AUTH_SERVICE_URL", "http://h\nx"),
    ("AUTH_SERVICE_URL", "https:///path"),
    ("AUTH_SERVICE_URL", "//h"),
    ("AUTH_SERVICE_URL", "http://[:::]"),
    ("INFERENCE_SERVICE_URL", "http://h?x=1"),
    ("ADMIN_EMAILS", "root"),
    ("ADMIN_EMAILS", "a@b c@d"),
    ("ADMIN_EMAILS", "a@b; c@d"),
    ("ADMIN_EMAILS", ",,"),
    ("INFERENCE_SERVICE_URL", "ftp://inference"),
    ("INFERENCE_SERVICE_URL", "http://x:99999"),
    ("INFERENCE_SERVICE_URL", "http://[x"),
    ("MAX_CONVERSATION_HISTORY", "0"),
    ("MAX_CONVERSATION_HISTORY", "501"),
    ("MAX_TOKEN_BUDGET", "-1"),
    ("MAX_TOKEN_BUDGET", "6,000"),
    ("MAX_TOKEN_BUDGET", "6_000"),
    ("MAX_TOKEN_BUDGET", "٦"),
    ("MAX_TOKEN_BUDGET", "9" * 5000),
    ("AUTH_CACHE_TTL_SECONDS", "301"),
    ("AUTH_CACHE_TTL_SECONDS", "nan"),
    ("AUTH_CACHE_TTL_SECONDS", "inf"),
    ("AUTH_CACHE_MAX_SIZE", "1.5"),
    ("INFERENCE_GENERATE_PATH", "generate"),
    ("INFERENCE_GENERATE_PATH", "//evil.test"),
    ("INFERENCE_GENERATE_PATH", "/generate?x=1"),
    ("INFERENCE_GENERATE_PATH", "/a b"),
    ("INFERENCE_GENERATE_PATH", "/generate?"),
    ("INFERENCE_GENERATE_PATH", "/generate#x"),
    ("INFERENCE_GENERATE_PATH", "/generate#"),
    ("INFERENCE_GENERATE_PATH", "/../x"),
    ("INFERENCE_GENERATE_PATH", "/v1/.."),
    ("INFERENCE_GENERATE_PATH", "/./x"),
    ("INFERENCE_GENERATE_PATH", "/v1/."),
    ("INFERENCE_GENERATE_PATH", "/../"),
    ("INFERENCE_GENERATE_PATH", "/%2e%2E/x"),
    ("INFERENCE_GENERATE_PATH", "/.%2e"),
    ("INFERENCE_GENERATE_PATH", "/v1//generate"),
    ("INFERENCE_GENERATE_PATH", "/generate//"),
    ("INFERENCE_GENERATE_PATH", "/v1\\generate"),
    ("INFERENCE_GENERATE_PATH", "/\\evil.test"),
    ("INFERENCE_GENERATE_PATH", "/v1%2Fgenerate"),
    ("INFERENCE_GENERATE_PATH", "/v1%5cgenerate"),
    ("INFERENCE_GENERATE_PATH", "/a%00"),
    ("INFERENCE_GENERATE_PATH", "/a%0d%0a"),
    ("INFERENCE_GENERATE_PATH", "/a%7f"),
    ("INFERENCE_GENERATE_PATH", "/a%"),
    ("INFERENCE_GENERATE_PATH", "/a%2"),
    ("INFERENCE_GENERATE_PATH", "/a\nb"),
    ("INFERENCE_GENERATE_PATH", "/a\r\nx: y"),
    ("INFERENCE_GENERATE_PATH", "/a\x00b"),
    ("INFERENCE_GENERATE_PATH", "/a\tb"),
    ("INFERENCE_GENERATE_PATH", "/é"),
    ("SEND_ON_BUSY", "stop"),
    ("RESCUE", "stop"),
    ("AUTO_TITLE", "never"),
    ("INFERENCE_CAN_CONTINUE", "sometimes"),
    ("FRONTEND_URL", "*"),
    ("FRONTEND_URL", ",,,"),
    ("FRONTEND_URL", "https://*.a.test"),
    ("FRONTEND_URL", "https://a.test?x"),
    ("FRONTEND_URL", "https://me@a.test"),
    ("FRONTEND_URL", "https://a.test:0"),
    ("FRONTEND_URL", "https://a.test:65536"),
    ("FRONTEND_URL", "https://"),
    ("FRONTEND_URL", "https://[::g]"),
    ("FRONTEND_URL", "https://[:::]"),
    ("FRONTEND_URL", "https://[1::2::3]"),
    ("FRONTEND_URL", "https://a.test/path"),
    ("FRONTEND_URL", "https://a.test, null"),
    ("DATABASE_SCHEMA", "pg_chat"),
    ("DATABASE_SCHEMA", "pg_catalog"),
    ("DATABASE_SCHEMA", "information_schema"),
    ("DATABASE_SCHEMA", "ü" * 32),
    ("DATABASE_SCHEMA", "a\nb"),
    ("LOG_LEVEL", "verbose"),
    ("MAX_STREAMS_PER_USER", "0"),
    ("MAX_HEADER_BYTES", "1023"),
    ("MAX_HEADER_BYTES", "1048577"),
    ("HEADER_TIMEOUT_SECONDS", "0"),
    ("MAX_REPLY_CHARACTERS", "0"),
    ("MAX_FRAME_BYTES", "1023"),
    ("MAX_FRAME_BYTES", "16777217"),
    ("MAX_INFERENCE_HEADER_BYTES", "1023"),
    ("MAX_GENERATIONS_PER_USER", "x"),
    ("DATABASE_PREPARED_STATEMENTS", "maybe"),
    ("DEFAULT_TEMPERATURE", "2.1"),
    ("DEFAULT_MAX_TOKENS", "4097"),
    ("DEFAULT_TOP_K", "201"),
    ("MAX_MESSAGE_CHARACTERS", "0"),
    ("MAX_MESSAGE_CHARACTERS", "8001"),
    ("MAX_TITLE_CHARACTERS", "79"),
    ("MAX_TITLE_CHARACTERS", "2001"),
    ("MAX_MODEL_TAG_CHARACTERS", "6"),
    ("MAX_MODEL_TAG_CHARACTERS", "1001"),
    ("MAX_TEMPERATURE", "2.1"),
    ("MAX_REPLY_TOKENS", "0"),
    ("MAX_REPLY_TOKENS", "4097"),
    ("STREAM_MAX_SECONDS", "0"),
    ("DRAIN_SECONDS", "21"),
    ("RETENTION_DAYS", "-1"),
    ("RETENTION_DAYS", "0.5"),
    ("RETENTION_DAYS", "36526"),
)


def problem_with(name: str, value: str) -> tuple[set[str], str]:
    with pytest.raises(InvalidSettingsError) as caught:
        Settings.from_environment({**KEY, name: value})
    return set(caught.value.problems), str(caught.value).partition(" ")[0]


def test_a_malformed_variable_is_named() -> None:
    told = {(name, value): problem_with(name, value) for name, value in MALFORMED_VARIABLES}

    assert told == {(name, value): ({name}, name) for name, value in MALFORMED_VARIABLES}


@pytest.mark.parametrize(
    "path", ["/", "/generate", "/generate/", "/v1/chat:generate", "/.well-known/..x/...", "/a%20b%C3%A9", "/(a,b;c=d)"]
)
def test_the_path_of_the_inference_service_is_taken_as_it_is(path: str) -> None:
    assert Settings.from_environment({**KEY, "INFERENCE_GENERATE_PATH": path}).inference.generate_path == path


@pytest.mark.parametrize("keys", ["new,old", "new, old", "a key of words,another", "new,"])
def test_there_may_be_several_internal_keys(keys: str) -> None:
    assert Settings.from_environment({"INTERNAL_API_KEY": keys}).internal_api_key == keys


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ("http://auth:8001", "http://auth:8001"),
        ("HTTPS://Auth.Test/", "HTTPS://Auth.Test"),
        ("http://auth_service.internal//", "http://auth_service.internal"),
        ("http://127.0.0.1:9/v1/base/", "http://127.0.0.1:9/v1/base"),
        ("http://[::1]:8001", "http://[::1]:8001"),
    ],
)
def test_the_address_of_a_service_is_taken_without_slashes_at_the_end(value: str, url: str) -> None:
    settings = Settings.from_environment({**KEY, "AUTH_SERVICE_URL": value, "INFERENCE_SERVICE_URL": value})

    assert (settings.auth_service_url, settings.inference_service_url) == (url, url)
