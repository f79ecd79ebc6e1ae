"""Defines the settings of the ways to authenticate callers."""

from enum import StrEnum
from typing import Final

from attrs import AttrsInstance, field, frozen

from chatcore_service.environment import Environment, env, read_by, read_settings, refuse_settings
from chatcore_service.setting_parsers import admin_claim, issuer_url, member, some_names, text


class AuthMode(StrEnum):
    """How the service finds the user of a request; the container has an auth adapter for each mode."""

    #: The auth service validates the bearer token.
    SERVICE = "service"
    #: The bearer token is a JWT that an OpenID Connect issuer has signed.
    OIDC = "oidc"
    #: A proxy that is trusted names the user in a header.
    PROXY = "proxy"


#: The metadata of the field that holds the mode.
AUTH_MODE: Final = env("AUTH_MODE", member(AuthMode))


@frozen(kw_only=True)
class OidcSettings:
    """The settings of the OpenID Connect issuer."""

    #: The issuer's identifier, exactly as its tokens name it.
    issuer: str = field(metadata=env("OIDC_ISSUER", issuer_url))
    #: The audiences of which a token must name at least one.
    audiences: tuple[str, ...] = field(metadata=env("OIDC_AUDIENCE", some_names))
    #: The claim that makes a user an administrator, as `name` or `name=value`.
    admin_claim: str | None = field(default=None, metadata=env("OIDC_ADMIN_CLAIM", admin_claim))
    #: The client as which the built-in page signs its readers in; without it, they paste a token.
    client_id: str | None = field(default=None, metadata=env("OIDC_CLIENT_ID", text))
    #: What the built-in page asks for when it signs its readers in.
    scope: str = field(default="openid", metadata=env("OIDC_SCOPE", text))


def only_with(mode: AuthMode, settings_class: type[AttrsInstance]) -> dict[str, object]:
    """Returns the metadata of a field that holds the settings of one mode, and None in every other mode.

    Variables of the class that are set in another mode are refused: they show that the mode is not the intended one.
    """

    def read(environment: Environment) -> AttrsInstance | None:
        if environment.read("AUTH_MODE", member(AuthMode), AuthMode.SERVICE) is mode:
            return read_settings(settings_class, environment)
        refuse_settings(settings_class, environment, f"needs AUTH_MODE={mode}")
        return None

    return read_by(read)
