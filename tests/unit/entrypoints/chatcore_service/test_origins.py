"""Tests the origins that FRONTEND_URL names."""

import pytest

from chatcore_service.environment import InvalidSettingsError
from chatcore_service.settings import Settings


@pytest.mark.parametrize(
    ("value", "origin"),
    [
        ("https://Front.Test:443", "https://front.test"),
        ("HTTP://front.test:80/", "http://front.test"),
        ("https://front.test:80", "https://front.test:80"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("capacitor://localhost", "capacitor://localhost"),
        ("https://front.test//", "https://front.test"),
        ("https://front.test:00443", "https://front.test"),
        ("http://[::1]:3000", "http://[::1]:3000"),
        ("http://[0:0:0:0:0:0:0:1]:3000", "http://[::1]:3000"),
        ("http://[2001:DB8::0:1]", "http://[2001:db8::1]"),
    ],
)
def test_an_origin_is_compared_as_browsers_send_it(value: str, origin: str) -> None:
    settings = Settings.from_environment({"INTERNAL_API_KEY": "key", "FRONTEND_URL": value})

    assert settings.frontend_origins == (origin,)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("https://ok.test, https://a.test/path", "'https://a.test/path' has a path"),
        ("https://ok.test,*", "'*' has a wildcard"),
        ("https://*.a.test", "'https://*.a.test' has a wildcard"),
        ("a.test", "'a.test' has no scheme, such as https://"),
        ("localhost:3000", "'localhost:3000' has no scheme, such as https://"),
        ("null", "'null' has no scheme, such as https://"),
        ("https:/a.test", "'https:/a.test' has no scheme, such as https://"),
        ("https:///a.test", "'https:///a.test' has no host"),
        ("https://a.test?x=/", "'https://a.test?x=' has a query"),
        ("https://a.test/#/x", "'https://a.test/#/x' has a fragment"),
        ("https://a.test:0", "'https://a.test:0' has no valid port"),
        ("https://a.test:65536", "'https://a.test:65536' has no valid port"),
        ("https://a.test:x", "'https://a.test:x' has a malformed host or port"),
        ("https://a b.test", "'https://a b.test' has a malformed host or port"),
        ("https://a.test\nb", "'https://a.test\\nb' has a malformed host or port"),
        ("https://[1::2::3]", "'https://[1::2::3]' has no valid IPv6 address"),
        ("https://me:pa@ss@a.test", "'a.test' must not have a user in front of it"),
        ("https://me:pa,ss@a.test,https://b.test", "'a.test' must not have a user in front of it"),
        ("https://" + "é" * 200 + "/", "'https://" + "é" * 92 + "' has a malformed host or port"),
    ],
)
def test_a_refusal_names_the_origin_and_the_reason_and_no_password(value: str, told: str) -> None:
    with pytest.raises(InvalidSettingsError) as refused:
        Settings.from_environment({"INTERNAL_API_KEY": "key", "FRONTEND_URL": value})

    assert refused.value.problems == {
        "FRONTEND_URL": f"must be origins such as https://chat.example.com, separated by commas: {told}"
    }


def test_a_list_without_any_origin_is_refused() -> None:
    with pytest.raises(InvalidSettingsError, match="FRONTEND_URL must be origins"):
        Settings.from_environment({"INTERNAL_API_KEY": "key", "FRONTEND_URL": ",,"})
