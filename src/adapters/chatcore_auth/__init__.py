"""Implements the auth port: any validator, behind a cache, single flight and a circuit breaker.

:class:`AuthClient` composes all parts for the auth service, and :class:`OidcClient` those for an OpenID Connect issuer,
which is hardly ever called and so needs no circuit breaker. For another way to validate tokens, implement
:class:`Validator` in a module of `validators` and compose it the same way::

    CachedAuth(GuardedValidator(MyValidator(...), clock, deadline_seconds=2), clock)

Import :class:`OidcClient` from `chatcore_auth.oidc_client`: its libraries take 10 MB, which others need not spend.
"""

from chatcore.missing_extra import needs_extra

with needs_extra("chatcore_auth", "auth"):
    from chatcore_auth.cached_auth import CachedAuth
    from chatcore_auth.client import AuthClient
    from chatcore_auth.guarded_validator import GuardedValidator
    from chatcore_auth.issuer_directory import IssuerDirectory, SignInEndpoints
    from chatcore_auth.named_administrators import NamedAdministrators
    from chatcore_auth.token_check import Rejected, TokenCheck, Unusable, Vouched
    from chatcore_auth.validators.validator import Validator

__all__ = [
    "AuthClient",
    "CachedAuth",
    "GuardedValidator",
    "IssuerDirectory",
    "NamedAdministrators",
    "Rejected",
    "SignInEndpoints",
    "TokenCheck",
    "Unusable",
    "Validator",
    "Vouched",
]
