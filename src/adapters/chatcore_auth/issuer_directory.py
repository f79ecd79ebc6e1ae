"""Finds the addresses at which users of an OpenID Connect issuer sign in."""

import asyncio
from typing import Final

import httpx
import structlog
from attrs import frozen

from chatcore.errors import AuthUnavailableError
from chatcore.ports.clock import Clock
from chatcore_auth.token_check import Unusable
from chatcore_auth.validators.oidc.discovery import DiscoveryDocument
from chatcore_auth.validators.oidc.issuer_calls import call_issuer

#: Addresses that are older are fetched again.
REFRESH_SECONDS: Final = 300.0
#: The time from a failed fetch to the next one.
RETRY_SECONDS: Final = 5.0

_log: structlog.stdlib.BoundLogger = structlog.get_logger("chatcore_auth")


@frozen
class SignInEndpoints:
    """The addresses that a page needs to sign users in by the code flow."""

    authorization_endpoint: str
    token_endpoint: str


class IssuerDirectory:
    """Knows the addresses that an issuer publishes, and asks for them every few minutes while somebody needs them.

    All callers wait for the same fetch. A fetch that fails changes nothing while addresses are known.

    Args:
        issuer: the issuer's identifier; the discovery document is below this address.
        clock: the clock whose monotonic time measures the pauses.
        timeout_seconds: the longest time for a fetch.
        transport: the transport that replaces the network in tests.
    """

    def __init__(
        self,
        issuer: str,
        clock: Clock,
        *,
        timeout_seconds: float = 2.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._issuer = issuer
        self._clock = clock
        self._timeout_seconds = timeout_seconds
        self._transport = transport
        self._known: SignInEndpoints | None = None
        self._fetch_at = 0.0
        self._fetching = asyncio.Lock()

    async def endpoints(self) -> SignInEndpoints:
        """Returns the addresses.

        Raises:
            AuthUnavailableError: the issuer has given none yet.
        """
        async with self._fetching:
            if self._clock.monotonic() >= self._fetch_at:
                await self._fetch()
        if self._known is None:
            raise AuthUnavailableError
        return self._known

    async def _fetch(self) -> None:
        fetched = await call_issuer(self._ask, timeout_seconds=self._timeout_seconds, transport=self._transport)
        now = self._clock.monotonic()
        if isinstance(fetched, Unusable):
            _log.warning("the issuer gave no addresses to sign in at", reason=fetched.reason)
            self._fetch_at = now + RETRY_SECONDS
            return
        self._known, self._fetch_at = fetched, now + REFRESH_SECONDS

    async def _ask(self, client: httpx.AsyncClient) -> SignInEndpoints:
        discovered = await DiscoveryDocument.fetch(client, self._issuer)
        return SignInEndpoints(
            authorization_endpoint=discovered.address("authorization_endpoint"),
            token_endpoint=discovered.address("token_endpoint"),
        )
