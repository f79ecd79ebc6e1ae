"""Fetches documents of an OpenID Connect issuer, first of all the one that points to the others."""

from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

import httpx

from chatcore_auth.http_client import read_body
from chatcore_auth.token_check import Unusable
from chatcore_auth.validators.oidc.json_object import parse_object

#: The documents of the issuers in use have a few KiB; certificate chains make some key sets larger.
MAX_DOCUMENT_BYTES: Final = 256 * 1024
#: The longest time for a document.
FETCH_SECONDS: Final = 10.0

_DISCOVERY_PATH = "/.well-known/openid-configuration"


class UnusableDocumentError(Exception):
    """Says why a document cannot be used."""

    def __init__(self, unusable: Unusable) -> None:
        super().__init__(unusable.reason)
        self.unusable = unusable


class DiscoveryDocument:
    """The discovery document of an issuer."""

    def __init__(self, issuer: str, members: dict[str, object]) -> None:
        self._issuer = issuer
        self._members = members

    @classmethod
    async def fetch(cls, client: httpx.AsyncClient, issuer: str) -> "DiscoveryDocument":
        """Fetches the document of an issuer.

        Args:
            client: the client, which follows no redirects.
            issuer: the issuer's identifier, which is also its address.

        Raises:
            UnusableDocumentError: there is no document, or it is another issuer's.
            httpx.HTTPError: the issuer cannot be reached.
        """
        body = await fetch_document(client, f"{issuer.rstrip('/')}{_DISCOVERY_PATH}", "discovery document")
        members = parse_object(body)
        if members is None:
            raise _unusable("the discovery document is not JSON")
        if members.get("issuer") != issuer:
            raise _unusable("the discovery document names another issuer")
        return cls(issuer, members)

    def address(self, name: str) -> str:
        """Returns the address that is the value of a member.

        An issuer whose own address begins with https:// cannot point to http://.

        Raises:
            UnusableDocumentError: there is no such address.
        """
        address = self._members.get(name)
        if not isinstance(address, str) or not self._may_point_to(address):
            raise _unusable(f"the discovery document has no {name} that can be used")
        return address

    def _may_point_to(self, address: str) -> bool:
        try:
            parts = urlsplit(address)
            names_a_server = bool(parts.hostname) and parts.port != 0
        except ValueError:
            return False
        is_secure = parts.scheme == "https"
        return names_a_server and (is_secure or (parts.scheme == "http" and self._issuer.lower().startswith("http:")))


async def fetch_document(client: httpx.AsyncClient, address: str, name: str) -> bytes:
    """Fetches a document of an issuer.

    Raises:
        UnusableDocumentError: the response is no document.
        httpx.HTTPError: the issuer cannot be reached.
    """
    async with client.stream("GET", address) as response:
        if response.status_code != HTTPStatus.OK:
            raise _unusable(f"status {response.status_code} for the {name}")
        body = await read_body(response, max_bytes=MAX_DOCUMENT_BYTES, max_seconds=FETCH_SECONDS)
    if isinstance(body, Unusable):
        raise UnusableDocumentError(body)
    return body


def _unusable(reason: str) -> UnusableDocumentError:
    return UnusableDocumentError(Unusable(reason))
