"""Checks the claims of a token whose signature has been verified."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final, cast

from joserfc.errors import JoseError
from joserfc.jwt import JWTClaimsRegistry

from chatcore.errors import InvalidInputError
from chatcore.ports.clock import Clock
from chatcore.user import User
from chatcore_auth.token_check import Vouched
from chatcore_auth.validators.oidc.admin_claim import AdminClaim

#: How far the clocks of the issuer and of this machine may be apart.
SKEW_SECONDS: Final = 30

_CHECKED: Final = ("iss", "aud", "sub", "exp", "nbf", "iat")


class ClaimRules:
    """Decides whether the claims of a token let its user in.

    Args:
        issuer: the issuer that the token must name, compared character by character.
        audiences: the audiences of which the token must name at least one.
        admin_claim: the claim that makes a user an administrator, if any.
        clock: the clock by which the token must be valid.
    """

    def __init__(self, *, issuer: str, audiences: Iterable[str], admin_claim: AdminClaim | None, clock: Clock) -> None:
        self._admin_claim = admin_claim
        self._registry = JWTClaimsRegistry(
            now=lambda: int(clock.now().timestamp()),
            leeway=SKEW_SECONDS,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "values": list(audiences)},
            sub={"essential": True},
            exp={"essential": True},
        )

    def check(self, claims: dict[str, object]) -> Vouched | str:
        """Returns the user whom the claims describe, or a few words on why nobody is let in."""
        try:
            self._registry.validate({name: claims[name] for name in _CHECKED if name in claims})
            return Vouched(self._user(claims), email=_verified_email(claims))
        except JoseError as error:
            # The library's descriptions name the claim, and not its value.
            return error.description or error.error
        except InvalidInputError:
            return "Claim 'sub' cannot be stored"
        except (OverflowError, OSError, ValueError):
            return "Claim 'exp' is not a time"

    def _user(self, claims: dict[str, object]) -> User:
        return User(
            id=cast("str", claims["sub"]),
            is_admin=self._admin_claim is not None and self._admin_claim.holds(claims),
            expires_at=datetime.fromtimestamp(cast("float", claims["exp"]), UTC),
        )


def _verified_email(claims: dict[str, object]) -> str | None:
    # Many issuers let users enter any address; without this claim, anybody could enter an administrator's.
    email = claims.get("email")
    return email if isinstance(email, str) and claims.get("email_verified") is True else None
