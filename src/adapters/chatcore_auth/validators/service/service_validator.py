"""Calls the auth service over HTTP."""

import re
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

import httpx
import orjson
import structlog

from chatcore.key_ring import Key, KeyRing
from chatcore_auth.http_client import make_http_client, read_body
from chatcore_auth.token_check import TokenCheck, Unusable
from chatcore_auth.validators.service.reply import KEY_REFUSED, read_reply
from chatcore_auth.validators.validator import Validator

Result = TypeVar("Result")

#: A reply holds a user and a few claims; a larger reply is not from an auth service.
MAX_BODY_BYTES = 64 * 1024

# The text that a probe validates. No auth service accepts it as a token.
_PROBE = "readiness-probe"

# A trace id that is not a valid header value would break the request, so such a trace id is left out.
_TRACE_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")

# These errors mean that the server closed an idle connection just as it was reused, or was restarted.
_BROKEN_CONNECTION = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)

_log: structlog.stdlib.BoundLogger = structlog.get_logger("chatcore_auth")


class ServiceValidator(Validator):
    """Validates tokens by asking the auth service over HTTP.

    Args:
        base_url: the URL of the auth service without the path; a trailing slash does not matter.
        internal_api_key: the key that is sent as ``X-Internal-API-Key``. Of several keys, separated by commas, the key
            that the service accepts is sent.
        max_idle_connections: the number of connections that are kept open between calls.
        timeout_seconds: the longest time for making a connection, for the service's silence, and for the whole body of
            a reply.
        transport: the transport that replaces the network in tests.
    """

    name = "the auth service"

    def __init__(
        self,
        base_url: str,
        internal_api_key: str,
        *,
        max_idle_connections: int,
        timeout_seconds: float,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._keys = KeyRing(internal_api_key)
        self._timeout_seconds = timeout_seconds
        self._http = make_http_client(
            headers={b"Content-Type": b"application/json"},
            timeout_seconds=timeout_seconds,
            max_idle_connections=max_idle_connections,
            transport=transport,
        )

    async def close(self) -> None:
        """Closes all connections."""
        await self._http.aclose()

    async def validate(self, token: str, trace_id: str | None) -> TokenCheck:
        """Asks the auth service about `token`, and asks once more with another key if the service refuses our key."""
        key = self._keys.current
        check = await self._validate_with(key, token, trace_id)
        other = self._keys.another(key) if check is KEY_REFUSED else None
        if other is None:
            return check
        check = await self._validate_with(other, token, trace_id)
        if not isinstance(check, Unusable) and self._keys.take(other):
            _log.info("the auth service takes another of our internal keys", position=other.position)
        return check

    async def probe(self) -> Unusable | None:
        """Asks the auth service about a text that is no token: only a service that takes our key rejects the text."""
        check = await self.validate(_PROBE, None)
        # Some services say that the text is malformed, without rejecting it as a token. They have taken our key, too.
        return check if isinstance(check, Unusable) and not check.is_about_the_token else None

    async def _validate_with(self, key: Key, token: str, trace_id: str | None) -> TokenCheck:
        try:
            return await _retried_if_broken(partial(self._post, key, token, trace_id))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return Unusable(type(error).__name__, error, is_outage=True)

    async def _post(self, key: Key, token: str, trace_id: str | None) -> TokenCheck:
        headers = {b"X-Internal-API-Key": key.text.encode()}
        if trace_id and _TRACE_ID.fullmatch(trace_id):
            headers[b"X-Trace-Id"] = trace_id.encode()
        url = f"{self._base_url}/auth/validate"
        content = orjson.dumps({"token": token})
        async with self._http.stream("POST", url, content=content, headers=headers) as response:
            body = await read_body(response, max_bytes=MAX_BODY_BYTES, max_seconds=self._timeout_seconds)
            return read_reply(response.status_code, body)


async def _retried_if_broken(call: Callable[[], Awaitable[Result]]) -> Result:
    try:
        return await call()
    except _BROKEN_CONNECTION:
        # Neither request changes the auth service's data, so a repeat is safe.
        return await call()
