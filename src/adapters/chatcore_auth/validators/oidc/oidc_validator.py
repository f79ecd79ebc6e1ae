"""Validates tokens with the keys of an OpenID Connect issuer."""

import structlog

from chatcore_auth.token_check import Rejected, TokenCheck, Unusable, Vouched
from chatcore_auth.validators.oidc.claim_rules import ClaimRules
from chatcore_auth.validators.oidc.key_cache import KeyCache
from chatcore_auth.validators.oidc.signed_token import read_header, verified_claims
from chatcore_auth.validators.validator import Validator

_log: structlog.stdlib.BoundLogger = structlog.get_logger("chatcore_auth")


class OidcValidator(Validator):
    """Validates JWTs that an issuer has signed, without a call while the key is known.

    Args:
        keys: the keys of the issuer; they are closed together with this object.
        rules: the rules for the claims.
    """

    name = "the OpenID Connect issuer"

    def __init__(self, keys: KeyCache, rules: ClaimRules) -> None:
        self._keys = keys
        self._rules = rules

    async def close(self) -> None:
        """Cancels a fetch of the keys."""
        await self._keys.close()

    async def probe(self) -> Unusable | None:
        """Returns None if the issuer's keys were ever obtained, as known keys remain in use during an outage."""
        return await self._keys.probe()

    async def validate(self, token: str, trace_id: str | None) -> TokenCheck:
        """Validates `token` with the known keys, and asks the issuer only if the token names an unknown key."""
        header = read_header(token)
        if header is None:
            return _rejected("not a signed token of an accepted algorithm and type", trace_id)
        keys = await self._keys.find(header.key_id, header.algorithm)
        if isinstance(keys, Unusable):
            return keys
        claims = verified_claims(token, keys)
        if claims is None:
            return _rejected("not signed by the issuer" if keys else "signed by an unknown key", trace_id)
        check = self._rules.check(claims)
        return check if isinstance(check, Vouched) else _rejected(check, trace_id)


def _rejected(reason: str, trace_id: str | None) -> Rejected:
    # Any caller can make the service write such lines, so they are written only while an operator looks for a mistake.
    _log.debug("a token was rejected", reason=reason, trace_id=trace_id)
    return Rejected()
