"""Peers of real connections: only the address of the connection itself makes a trusted proxy."""

from __future__ import annotations

import httpx
import pytest
from attrs import evolve
from tests.integration.entrypoints.chatcore_service.http_server import PAUSED, SETTINGS, LiveService, live_service

from chatcore_service.auth_settings import AuthMode
from chatcore_service.environment import Environment, read_settings
from chatcore_service.proxy_settings import ProxySettings
from chatcore_service.settings import Settings

LIST = "/api/conversations"
FROM_PROXY = {
    "X-Forwarded-User": "alice",
    "X-Proxy-Secret": "the-secret",
    "X-Forwarded-For": "127.0.0.3",
    "Origin": SETTINGS.frontend_origins[0],
}


def trusting(addresses: str) -> Settings:
    variables = {
        "AUTH_PROXY_USER_HEADER": "X-Forwarded-User",
        "AUTH_PROXY_TRUSTED_IPS": addresses,
        "AUTH_PROXY_SECRET": "the-secret",
    }
    return evolve(SETTINGS, auth_mode=AuthMode.PROXY, auth_proxy=read_settings(ProxySettings, Environment(variables)))


def client_from(service: LiveService, address: str) -> httpx.AsyncClient:
    """Returns a client whose connections come from an address."""
    host = "[::1]" if ":" in address else "127.0.0.1"
    transport = httpx.AsyncHTTPTransport(local_address=address)
    return httpx.AsyncClient(transport=transport, base_url=f"http://{host}:{service.port}")


async def statuses(service: LiveService, addresses: tuple[str, ...]) -> dict[str, int]:
    found = dict[str, int]()
    for address in addresses:
        async with client_from(service, address) as client:
            found[address] = (await client.get(LIST, headers=FROM_PROXY)).status_code
    return found


@pytest.mark.parametrize(
    ("trusted", "expected"),
    [
        ("127.0.0.1", {"127.0.0.1": 200, "127.0.0.2": 401, "::1": 401}),
        ("::ffff:127.0.0.2", {"127.0.0.1": 401, "127.0.0.2": 200, "::1": 401}),
        ("::1", {"127.0.0.1": 401, "127.0.0.2": 401, "::1": 200}),
        ("127.0.0.0/8", {"127.0.0.1": 200, "127.0.0.2": 200, "::1": 401}),
        ("127.0.0.3,10.0.0.0/8", {"127.0.0.1": 401, "127.0.0.2": 401, "::1": 401}),
    ],
)
async def test_a_socket_for_both_versions_of_ip_tells_its_peers_apart(trusted: str, expected: dict[str, int]) -> None:
    async with live_service(trusting(trusted), is_dual_stack=True) as service:
        assert await statuses(service, tuple(expected)) == expected


async def test_a_socket_for_one_version_tells_its_peers_apart() -> None:
    async with live_service(trusting("127.0.0.2")) as service:
        assert await statuses(service, ("127.0.0.1", "127.0.0.2")) == {"127.0.0.1": 401, "127.0.0.2": 200}


async def test_a_kept_connection_proves_nothing_for_its_next_request() -> None:
    async with live_service(trusting("127.0.0.1")) as service:
        good = "\r\n".join(f"{name}: {value}" for name, value in FROM_PROXY.items())
        reader, writer = await service.connect()
        writer.write(
            f"GET {LIST} HTTP/1.1\r\nhost: x\r\n{good}\r\n\r\n"
            f"GET {LIST} HTTP/1.1\r\nhost: x\r\nx-forwarded-user: alice\r\nconnection: close\r\n\r\n".encode()
        )
        answers = (await reader.read()).split(b"HTTP/1.1 ")
        writer.close()

    assert [answer[:3] for answer in answers] == [b"", b"200", b"401"]


async def test_a_reply_is_streamed_and_followed_through_the_proxy() -> None:
    async with live_service(trusting("127.0.0.1")) as service:
        service.inference.play(*PAUSED)
        path = await service.begin(headers=FROM_PROXY)
        async with service.client.stream("GET", path, headers=FROM_PROXY) as stream:
            assert stream.status_code == 200
            await service.inference.until_paused()
            service.inference.release()
            text = "".join([part async for part in stream.aiter_text()])
        assert (await service.client.get(path, headers=FROM_PROXY | {"X-Forwarded-User": "bob"})).status_code == 404

    assert text.endswith('data: {"done":true}\n\n')
    assert '{"token":"lo"}' in text
