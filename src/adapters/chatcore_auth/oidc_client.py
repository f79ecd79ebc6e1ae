"""Composes the auth port for an OpenID Connect issuer."""

from collections.abc import Iterable

import httpx

from chatcore.ports.clock import Clock
from chatcore_auth.cached_auth import CachedAuth
from chatcore_auth.named_administrators import NamedAdministrators
from chatcore_auth.validators.oidc.admin_claim import AdminClaim
from chatcore_auth.validators.oidc.claim_rules import ClaimRules
from chatcore_auth.validators.oidc.issuer import Issuer
from chatcore_auth.validators.oidc.key_cache import KeyCache
from chatcore_auth.validators.oidc.oidc_validator import OidcValidator

# A caller stops waiting a little before its own timeout, so that it gets an answer in time.
_WAIT_SHARE = 0.975


class OidcClient(CachedAuth):
    """Validates the JWTs of an OpenID Connect issuer with the issuer's published keys, behind the cache.

    There is no circuit breaker and no limit of calls: only a token that names an unknown key leads to a call, and all
    such tokens share at most one call a minute.

    Args:
        issuer: the issuer's identifier, exactly as its tokens name it; the discovery document is below this address.
        audiences: the audiences of which a token must name at least one.
        clock: the clock that measures the cache's TTLs, the tokens' expiry and the pauses between calls.
        admin_claim: the claim that makes a user an administrator, as :meth:`AdminClaim.parse` reads it; by default no
            claim does.
        ttl_seconds: the longest time for which a user is cached; never beyond 300 s or the token's expiry.
        max_size: the number of users that are cached.
        timeout_seconds: the longest time that `authenticate` takes.
        admin_emails: the e-mail addresses of further administrators; an address counts only in a token that says that
            the issuer has verified it.
        admin_user_ids: the ids (`sub`) of further administrators.
        transport: the transport that replaces the network in tests.
    """

    def __init__(  # noqa: PLR0913 - each argument is a setting, and all but three have a default
        self,
        issuer: str,
        audiences: Iterable[str],
        clock: Clock,
        *,
        admin_claim: str | None = None,
        ttl_seconds: float = 300.0,
        max_size: int = 1024,
        timeout_seconds: float = 2.0,
        admin_emails: Iterable[str] = (),
        admin_user_ids: Iterable[str] = (),
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        keys = KeyCache(
            Issuer(issuer, transport=transport).fetch_keys, clock, wait_seconds=timeout_seconds * _WAIT_SHARE
        )
        claim = AdminClaim.parse(admin_claim) if admin_claim else None
        rules = ClaimRules(issuer=issuer, audiences=audiences, admin_claim=claim, clock=clock)
        administrators = NamedAdministrators(OidcValidator(keys, rules), emails=admin_emails, user_ids=admin_user_ids)
        super().__init__(administrators, clock, ttl_seconds=ttl_seconds, max_size=max_size)
