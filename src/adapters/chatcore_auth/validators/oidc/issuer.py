"""Fetches the keys of an OpenID Connect issuer."""

import asyncio
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

import httpx

from chatcore_auth.http_client import make_http_client, read_body
from chatcore_auth.token_check import Unusable
from chatcore_auth.validators.oidc.json_object import parse_object
from chatcore_auth.validators.oidc.signing_keys import SigningKeys, read_signing_keys

#: The documents of the issuers in use have a few KiB; certificate chains make some key sets larger.
MAX_DOCUMENT_BYTES: Final = 256 * 1024
#: The longest time for both documents.
FETCH_SECONDS: Final = 10.0

_DISCOVERY_PATH = "/.well-known/openid-configuration"


class _UnusableDocumentError(Exception):
    def __init__(self, unusable: Unusable) -> None:
        super().__init__(unusable.reason)
        self.unusable = unusable


class Issuer:
    """Fetches the discovery document of an issuer and the keys that it points to.

    The issuer is the only one who names an address: no redirect is followed, and an issuer whose own address begins
    with https:// cannot point to keys at http://.

    Args:
        url: the issuer's identifier, which is also its address.
        transport: the transport that replaces the network in tests.
    """

    def __init__(self, url: str, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._url = url
        self._transport = transport

    async def fetch_keys(self) -> SigningKeys | Unusable:
        """Returns the keys that the issuer publishes now, or the reason why there are none; raises nothing."""
        # The documents are fetched every few minutes, so no connection is kept in between.
        client = make_http_client(
            headers={}, timeout_seconds=FETCH_SECONDS, max_idle_connections=0, transport=self._transport
        )
        try:
            async with asyncio.timeout(FETCH_SECONDS), client:
                return read_signing_keys(await _document(client, await self._address_of_keys(client), "key set"))
        except _UnusableDocumentError as error:
            return error.unusable
        except TimeoutError as error:
            return Unusable("no answer in time", error)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return Unusable(type(error).__name__, error)

    async def _address_of_keys(self, client: httpx.AsyncClient) -> str:
        body = await _document(client, f"{self._url.rstrip('/')}{_DISCOVERY_PATH}", "discovery document")
        document = parse_object(body)
        if document is None:
            raise _unusable("the discovery document is not JSON")
        if document.get("issuer") != self._url:
            raise _unusable("the discovery document names another issuer")
        address = document.get("jwks_uri")
        if not isinstance(address, str) or not self._may_point_to(address):
            raise _unusable("the discovery document has no jwks_uri that can be used")
        return address

    def _may_point_to(self, address: str) -> bool:
        try:
            parts = urlsplit(address)
            names_a_server = bool(parts.hostname) and parts.port != 0
        except ValueError:
            return False
        is_secure = parts.scheme == "https"
        return names_a_server and (is_secure or (parts.scheme == "http" and self._url.lower().startswith("http:")))


async def _document(client: httpx.AsyncClient, address: str, name: str) -> bytes:
    async with client.stream("GET", address) as response:
        if response.status_code != HTTPStatus.OK:
            raise _unusable(f"status {response.status_code} for the {name}")
        body = await read_body(response, max_bytes=MAX_DOCUMENT_BYTES, max_seconds=FETCH_SECONDS)
    if isinstance(body, Unusable):
        raise _UnusableDocumentError(body)
    return body


def _unusable(reason: str) -> _UnusableDocumentError:
    return _UnusableDocumentError(Unusable(reason))
