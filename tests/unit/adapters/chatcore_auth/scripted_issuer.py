"""Provides an OpenID Connect issuer in memory, whose keys and faults a test sets."""

from __future__ import annotations

import httpx
from attrs import Factory, define, field
from tests.oidc_tokens import ISSUER, IssuerKey, claims_at, ec_key, key_set

from chatcore_memory import FrozenClock


@define
class ScriptedIssuer:
    """An issuer that publishes its keys, and signs with the first one."""

    keys: list[IssuerKey] = Factory(lambda: [ec_key()])
    clock: FrozenClock = Factory(FrozenClock)
    is_down: bool = field(default=False, kw_only=True)
    #: The paths that were requested.
    requested: list[str] = field(factory=list, init=False)

    @property
    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._handle)

    def token(self, **claims: object) -> str:
        """Returns a token that is valid for five minutes."""
        return self.keys[0].sign(claims_at(self.clock.now().timestamp(), **claims))

    def _handle(self, request: httpx.Request) -> httpx.Response:
        self.requested.append(request.url.path)
        if self.is_down:
            return httpx.Response(503)
        if request.url.path.endswith("/keys"):
            return httpx.Response(200, content=key_set(*(key.jwk() for key in self.keys)))
        return httpx.Response(200, json={"issuer": ISSUER, "jwks_uri": f"{ISSUER}/keys"})
