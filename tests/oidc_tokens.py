"""Makes the keys of issuers, and tokens that they sign."""

from __future__ import annotations

import base64
import warnings
from collections.abc import Mapping
from functools import cache
from typing import Any, Literal

import orjson
from attrs import frozen
from joserfc import jws
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, OKPKey, RSAKey

ISSUER = "https://issuer.test/realm"
AUDIENCE = "chat-api"


@frozen
class IssuerKey:
    """A private key of an issuer."""

    key_id: str | None
    algorithm: str
    pair: RSAKey | ECKey | OKPKey

    def jwk(self, **members: object) -> dict[str, object]:
        """Returns the public key as the issuer publishes it; None removes a member."""
        jwk = {**self.pair.as_dict(private=False), "kid": self.key_id, "use": "sig", "alg": self.algorithm, **members}
        return {name: value for name, value in jwk.items() if value is not None}

    def sign(self, claims: object, **header: object) -> str:
        """Returns a token with these claims; a member of the header that is None is left out."""
        whole = {"alg": self.algorithm, "kid": self.key_id, "typ": "at+jwt", **header}
        protected = {name: value for name, value in whole.items() if value is not None}
        text = f"{encoded(protected)}.{encoded(claims)}"
        with warnings.catch_warnings(action="ignore", category=SecurityWarning):
            signature = jws.JWSRegistry.algorithms[self.algorithm].sign(text.encode(), self.pair)
        return f"{text}.{base64url(signature)}"


@cache
def rsa_key(key_id: str | None = "rsa", bits: int = 2048) -> IssuerKey:
    """Returns the RSA key of this id, the same one at every call."""
    with warnings.catch_warnings(action="ignore", category=SecurityWarning):
        return IssuerKey(key_id, "RS256", RSAKey.generate_key(bits))


@cache
def ec_key(key_id: str | None = "ec", curve: str = "P-256", algorithm: str = "ES256") -> IssuerKey:
    """Returns the key of this id on an elliptic curve, the same one at every call."""
    return IssuerKey(key_id, algorithm, ECKey.generate_key(curve))


@cache
def ed_key(key_id: str | None = "ed", curve: Literal["Ed25519", "Ed448", "X25519"] = "Ed25519") -> IssuerKey:
    """Returns the Edwards key of this id, the same one at every call."""
    return IssuerKey(key_id, "EdDSA", OKPKey.generate_key(curve))


def key_set(*jwks: object) -> bytes:
    """Returns the JWKS with these keys."""
    return orjson.dumps({"keys": jwks})


def claims_at(now: float, **claims: object) -> dict[str, object]:
    """Returns the claims of a token that is valid at `now`; None removes a claim."""
    whole: Mapping[str, Any] = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ann", "iat": now, "exp": now + 300, **claims}
    return {name: value for name, value in whole.items() if value is not None}


def encoded(value: object) -> str:
    """Returns a segment of a token."""
    return base64url(value if isinstance(value, bytes) else orjson.dumps(value))


def base64url(value: bytes) -> str:
    """Returns the value in base64url without padding."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
