"""Defines the settings of the trusted proxy that authenticates callers with AUTH_MODE=proxy."""

import re

from attrs import field, frozen

from chatcore.key_ring import Key, keys_in
from chatcore_service.environment import MalformedValueError, env
from chatcore_service.networks import Network, networks
from chatcore_service.setting_parsers import internal_keys

#: The header with the secret that the proxy and this service share.
SECRET_HEADER = "X-Proxy-Secret"  # noqa: S105 - a name

# A name as in RFC 9110, section 5.1.
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# Callers may set these headers themselves, or they have another meaning for this service or for a proxy.
_TAKEN = frozenset(
    {
        "authorization",
        "connection",
        "content-length",
        "content-type",
        "cookie",
        "forwarded",
        "host",
        "idempotency-key",
        "last-event-id",
        "origin",
        "prefer",
        "referer",
        "transfer-encoding",
        "user-agent",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-proxy-secret",
        "x-real-ip",
        "x-request-id",
        "x-trace-id",
    }
)


def _user_header(value: str) -> str:
    if not _HEADER_NAME.fullmatch(value):
        raise MalformedValueError("must be the name of a header, such as X-Forwarded-User")
    if value.lower() in _TAKEN:
        raise MalformedValueError("must be a header that names the user and nothing else, such as X-Forwarded-User")
    return value


def _secrets(value: str) -> tuple[Key, ...]:
    return keys_in(internal_keys(value))


@frozen(kw_only=True)
class ProxySettings:
    """Whom the service trusts to name the user of a request, and how the user is named."""

    #: The header that names the user.
    user_header: str = field(metadata=env("AUTH_PROXY_USER_HEADER", _user_header))
    #: The networks of the proxies.
    trusted_networks: tuple[Network, ...] = field(metadata=env("AUTH_PROXY_TRUSTED_IPS", networks))
    #: The secrets that the proxies may show; more than one during a change of the secret.
    secrets: tuple[Key, ...] = field(repr=False, metadata=env("AUTH_PROXY_SECRET", _secrets))
