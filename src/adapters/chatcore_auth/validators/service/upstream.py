"""One question to the auth service, over HTTP."""

import re
import ssl
from collections.abc import Awaitable, Callable
from functools import cache, partial
from http import HTTPStatus
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TypeVar

import httpx
import orjson
import structlog

from chatcore.key_ring import Key, KeyRing
from chatcore_auth.validators.service.answer import OUR_KEY_REFUSED, TokenCheck, Unusable, read_answer

Answer = TypeVar("Answer")

#: A user and a few claims; anything bigger is not an answer.
MAX_BODY_BYTES = 64 * 1024

# A proxy in front of a dead auth service answers with one of these; anything else comes from something alive.
_NOBODY_HOME = frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT})

# What cannot be a header's value would break the request; the trace id is not worth that.
_TRACE_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")

# The server closed an idle connection in the moment in which it was used again, or it was restarted.
_BROKEN_CONNECTION = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)

_log: structlog.stdlib.BoundLogger = structlog.get_logger("chatcore_auth")


@cache
def _tls() -> ssl.SSLContext:
    """The certificates that this process trusts: loading them takes longer than anything else in a client's making."""
    return httpx.create_ssl_context(trust_env=False)


class AuthUpstream:
    """The auth service's two questions as calls; everything that can go wrong is an answer, not an exception.

    Callers set a deadline over all that it does.

    Args:
        base_url: without the path; a trailing slash does not matter.
        internal_api_key: sent as ``X-Internal-API-Key``; of several, separated by commas, one that is taken.
        max_connections: at most so many calls are under way.
        connect_timeout_seconds: for making a connection; shorter than the callers' deadline, since httpcore leaves
            the socket open when a deadline from outside ends a TLS handshake.
        transport: in place of the network, for tests.
    """

    def __init__(
        self,
        base_url: str,
        internal_api_key: str,
        *,
        max_connections: int,
        connect_timeout_seconds: float,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._keys = KeyRing(internal_api_key)
        self._http = httpx.AsyncClient(
            transport=transport,
            headers={
                b"Content-Type": b"application/json",
                b"Accept": b"application/json",
                # Nothing is inflated: a small reply could become a huge one.
                b"Accept-Encoding": b"identity",
            },
            timeout=httpx.Timeout(None, connect=connect_timeout_seconds),
            limits=httpx.Limits(max_connections=max_connections, max_keepalive_connections=max_connections),
            follow_redirects=False,
            verify=_tls(),
            # Neither proxies nor .netrc: the address is the one in the settings and no other.
            trust_env=False,
            # What one user's answer sets must not go along with the next user's question.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        )

    async def close(self) -> None:
        """Closes all connections."""
        await self._http.aclose()

    async def validate(self, token: str, trace_id: str | None) -> TokenCheck:
        """What the auth service says of `token`; asked once more where it refuses one of several keys of ours."""
        key = self._keys.current
        check = await self._validate_by(key, token, trace_id)
        other = self._keys.another(key) if check is OUR_KEY_REFUSED else None
        if other is None:
            return check
        check = await self._validate_by(other, token, trace_id)
        if not isinstance(check, Unusable) and self._keys.take(other):
            _log.info("the auth service takes another of our internal keys", position=other.position)
        return check

    async def is_reachable(self) -> bool:
        """Whether something alive answers at all; which path it knows does not matter."""
        try:
            return await _again_if_it_breaks(self._ping_once) not in _NOBODY_HOME
        except (httpx.HTTPError, httpx.InvalidURL):
            return False

    async def _ping_once(self) -> int:
        async with self._http.stream("GET", f"{self._base_url}/") as response:
            return response.status_code

    async def _validate_by(self, key: Key, token: str, trace_id: str | None) -> TokenCheck:
        """Asked once more if the connection breaks off."""
        try:
            return await _again_if_it_breaks(partial(self._validate_once, key, token, trace_id))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return Unusable(type(error).__name__, error, is_outage=True)

    async def _validate_once(self, key: Key, token: str, trace_id: str | None) -> TokenCheck:
        headers = {b"X-Internal-API-Key": key.text.encode()}
        if trace_id and _TRACE_ID.fullmatch(trace_id):
            headers[b"X-Trace-Id"] = trace_id.encode()
        url = f"{self._base_url}/auth/validate"
        body = orjson.dumps({"token": token})
        async with self._http.stream("POST", url, content=body, headers=headers) as response:
            return read_answer(response.status_code, await _whole_body(response))


async def _again_if_it_breaks(ask: Callable[[], Awaitable[Answer]]) -> Answer:
    try:
        return await ask()
    except _BROKEN_CONNECTION:
        # Neither question changes anything over there, so it may be asked twice.
        return await ask()


async def _whole_body(response: httpx.Response) -> bytes | Unusable:
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        return Unusable("a compressed reply")
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            return Unusable(f"a reply of more than {MAX_BODY_BYTES} bytes")
    return bytes(body)
