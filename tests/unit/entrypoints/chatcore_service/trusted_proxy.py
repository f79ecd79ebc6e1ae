"""The service behind a trusted proxy, and the requests that the proxy hands on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import httpx
from attrs import evolve
from tests.unit.entrypoints.chatcore_service.http_service import SETTINGS, HttpService

from chatcore_service.auth_settings import AuthMode
from chatcore_service.environment import Environment, read_settings
from chatcore_service.proxy_settings import ProxySettings

PROXY_VARIABLES = {
    "AUTH_MODE": "proxy",
    "AUTH_PROXY_USER_HEADER": "X-Forwarded-User",
    "AUTH_PROXY_TRUSTED_IPS": "10.0.0.5, 10.1.0.0/16, ::1",
    "AUTH_PROXY_SECRET": "new-secret,old-secret",
}
BEHIND_PROXY = evolve(
    SETTINGS,
    auth_mode=AuthMode.PROXY,
    auth_proxy=read_settings(ProxySettings, Environment(PROXY_VARIABLES)),
    frontend_origins=("https://front.test",),
    admin_user_ids=("root",),
    admin_emails=("boss@a.test",),
)

PROXY_ADDRESS = "10.0.0.5"
SECRET = ("X-Proxy-Secret", "new-secret")
FRONTEND = ("Origin", "https://front.test")

Header = tuple[str, str | bytes]


def as_user(user_id: str) -> dict[str, str]:
    """Returns the headers of a request that a page of the frontend makes and that the proxy hands on."""
    return dict((SECRET, FRONTEND, ("X-Forwarded-User", user_id)))


def client_at(service: HttpService, peer: str | None = PROXY_ADDRESS) -> httpx.AsyncClient:
    """Returns a client that connects from an address; None for a peer without one, as at a Unix socket."""
    transport = httpx.ASGITransport(service.container.application(), client=(peer or "", 40000))
    if peer is None:
        app = service.container.application()

        async def without_peer(scope: Mapping[str, object], receive: object, send: object) -> None:
            await app({**scope, "client": None}, receive, send)  # type: ignore[arg-type] # as httpx calls it

        transport = httpx.ASGITransport(without_peer)
    return httpx.AsyncClient(transport=transport, base_url="http://chat.test")


def raw(headers: Iterable[Header]) -> list[tuple[bytes, bytes]]:
    """Returns headers as bytes, so that a name may come twice and a value may be no ASCII."""
    return [(name.encode(), value if isinstance(value, bytes) else value.encode()) for name, value in headers]
