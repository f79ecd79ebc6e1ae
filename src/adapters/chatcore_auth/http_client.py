"""Makes the HTTP clients of the validators, and reads response bodies within bounds."""

import asyncio
import ssl
from collections.abc import Mapping
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx

from chatcore_auth.token_check import Unusable


@cache
def _tls() -> ssl.SSLContext:
    """Returns the trusted certificates, loaded once: loading takes longer than all other steps of making a client."""
    return httpx.create_ssl_context(trust_env=False)


def make_http_client(
    *,
    headers: Mapping[bytes, bytes],
    timeout_seconds: float,
    max_idle_connections: int,
    transport: httpx.AsyncBaseTransport | None,
) -> httpx.AsyncClient:
    """Returns a client that calls exactly the addresses that it is given, and asks for JSON that is not compressed.

    Args:
        headers: the further headers of every request.
        timeout_seconds: the longest time for making a connection, and for the server's silence.
        max_idle_connections: the number of connections that are kept open between calls.
        transport: the transport that replaces the network in tests.
    """
    return httpx.AsyncClient(
        transport=transport,
        headers={
            b"Accept": b"application/json",
            # Compressed replies are refused, since a small reply could inflate to a huge one.
            b"Accept-Encoding": b"identity",
            **headers,
        },
        timeout=timeout_seconds,
        # The caller bounds the number of calls; a pool with a bound of its own would only add a queue.
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=max_idle_connections),
        follow_redirects=False,
        verify=_tls(),
        # The client ignores proxies and .netrc: the only addresses are those of the settings and of the issuer.
        trust_env=False,
        # A cookie set in the reply about one user must not be sent with the request about another user.
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
    )


async def read_body(response: httpx.Response, *, max_bytes: int, max_seconds: float) -> bytes | Unusable:
    """Returns the whole body of a response, or the reason why the body cannot be used."""
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        return Unusable("a compressed reply")
    body = bytearray()
    clock = asyncio.get_running_loop().time
    deadline = clock() + max_seconds
    async for chunk in response.aiter_bytes():
        body += chunk
        if clock() > deadline:
            return Unusable("a reply that takes too long", is_outage=True)
        if len(body) > max_bytes:
            return Unusable(f"a reply of more than {max_bytes} bytes")
    return bytes(body)
