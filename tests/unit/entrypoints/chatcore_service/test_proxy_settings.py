"""The settings of a trusted proxy: all of them with AUTH_MODE=proxy, and none of them otherwise."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from chatcore_service.auth_settings import AuthMode
from chatcore_service.environment import InvalidSettingsError
from chatcore_service.networks import networks
from chatcore_service.settings import Settings

PROXY = {
    "AUTH_PROXY_USER_HEADER": "X-Forwarded-User",
    "AUTH_PROXY_TRUSTED_IPS": "10.0.0.5, fd00::/8",
    "AUTH_PROXY_SECRET": "new-secret,old-secret",
}
BEHIND_PROXY = {"INTERNAL_API_KEY": "key", "AUTH_MODE": "proxy", **PROXY}


def problems(variables: Mapping[str, str]) -> dict[str, str]:
    with pytest.raises(InvalidSettingsError) as refusal:
        Settings.from_environment(variables)
    return dict(refusal.value.problems)


def test_the_settings_of_a_proxy_are_read() -> None:
    settings = Settings.from_environment(BEHIND_PROXY)

    assert settings.auth_mode is AuthMode.PROXY
    assert settings.auth_proxy is not None
    assert settings.auth_proxy.user_header == "X-Forwarded-User"
    assert settings.auth_proxy.trusted_networks == networks("10.0.0.5,fd00::/8")
    assert [secret.text for secret in settings.auth_proxy.secrets] == ["new-secret", "old-secret"]


def test_no_secret_is_shown() -> None:
    assert "secret,old" not in repr(Settings.from_environment(BEHIND_PROXY))
    assert "new-secret" not in repr(Settings.from_environment(BEHIND_PROXY))


def test_another_mode_has_no_proxy() -> None:
    assert Settings.from_environment({"INTERNAL_API_KEY": "key"}).auth_proxy is None


@pytest.mark.parametrize("value", ["", "  "])
@pytest.mark.parametrize("missing", PROXY)
def test_each_setting_is_required_with_the_mode(missing: str, value: str) -> None:
    without = {name: text for name, text in BEHIND_PROXY.items() if name != missing}

    assert problems(without) == {missing: "is required"}
    assert problems({**BEHIND_PROXY, missing: value}) == {missing: "is required"}


@pytest.mark.parametrize("name", PROXY)
def test_no_setting_of_a_proxy_may_stand_beside_another_mode(name: str) -> None:
    assert problems({"INTERNAL_API_KEY": "key", name: PROXY[name]}) == {name: "needs AUTH_MODE=proxy"}


def test_each_problem_is_a_sentence_that_begins_with_the_name_of_the_setting() -> None:
    with pytest.raises(InvalidSettingsError) as refusal:
        Settings.from_environment({"INTERNAL_API_KEY": "key", "AUTH_MODE": "proxy"})

    assert str(refusal.value).splitlines() == [f"{name} is required." for name in PROXY]


@pytest.mark.parametrize("name", ["X Forwarded User", "X-User:", "X-Üser", "X-User\r\nX-Admin", "X-User,X-Name", '"X"'])
def test_what_is_no_name_of_a_header_is_refused(name: str) -> None:
    assert problems({**BEHIND_PROXY, "AUTH_PROXY_USER_HEADER": name}) == {
        "AUTH_PROXY_USER_HEADER": "must be the name of a header, such as X-Forwarded-User"
    }


@pytest.mark.parametrize("name", ["X-Proxy-Secret", "x-proxy-secret", "Authorization", "Cookie", "HOST", "Origin"])
def test_a_header_with_another_meaning_names_no_user(name: str) -> None:
    assert problems({**BEHIND_PROXY, "AUTH_PROXY_USER_HEADER": name}) == {
        "AUTH_PROXY_USER_HEADER": ("must be a header that names the user and nothing else, such as X-Forwarded-User")
    }


@pytest.mark.parametrize("secret", [",", "ge\u00afheim", "two\nlines", "tab\tbed", "a,\u2603"])
def test_what_no_header_can_hold_is_no_secret(secret: str) -> None:
    found = problems({**BEHIND_PROXY, "AUTH_PROXY_SECRET": secret})

    assert found == {"AUTH_PROXY_SECRET": "must be visible ASCII characters; commas separate several keys"}


def test_the_networks_are_checked() -> None:
    assert problems({**BEHIND_PROXY, "AUTH_PROXY_TRUSTED_IPS": "localhost"}).keys() == {"AUTH_PROXY_TRUSTED_IPS"}
