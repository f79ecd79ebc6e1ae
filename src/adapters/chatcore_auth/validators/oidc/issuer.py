"""Fetches the keys of an OpenID Connect issuer."""

import httpx

from chatcore_auth.token_check import Unusable
from chatcore_auth.validators.oidc.discovery import FETCH_SECONDS, DiscoveryDocument, fetch_document
from chatcore_auth.validators.oidc.issuer_calls import call_issuer
from chatcore_auth.validators.oidc.signing_keys import SigningKeys, read_signing_keys


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
        return await call_issuer(self._keys, timeout_seconds=FETCH_SECONDS, transport=self._transport)

    async def _keys(self, client: httpx.AsyncClient) -> SigningKeys | Unusable:
        discovered = await DiscoveryDocument.fetch(client, self._url)
        return read_signing_keys(await fetch_document(client, discovered.address("jwks_uri"), "key set"))
