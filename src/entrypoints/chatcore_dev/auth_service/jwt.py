"""Signs and verifies JSON Web Tokens with HMAC-SHA256, using only the standard library."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from hashlib import sha256
from typing import cast

import orjson

from chatcore.constant_time import is_one_of

_HEADER = {"alg": "HS256", "typ": "JWT"}


class BadTokenError(Exception):
    """Reports that a token is malformed, was signed with another secret, or has expired; the message says which."""


def sign(claims: dict[str, object], secret: bytes) -> str:
    """Returns a token with these claims."""
    signed = f"{_encoded(orjson.dumps(_HEADER))}.{_encoded(orjson.dumps(claims))}"
    return f"{signed}.{_encoded(_signature(signed, secret))}"


def verified_claims(token: str, secrets: Sequence[bytes], now: float) -> dict[str, object]:
    """Returns the claims of a valid token.

    The header's `alg` is ignored, so that a token cannot choose another algorithm.

    Args:
        token: the token, which may be any text.
        secrets: the secrets, with one of which the token must be signed.
        now: the current Unix time in seconds; the claim `exp` must be later.

    Raises:
        BadTokenError: the token is not valid.
    """
    signed, _, signature = token.rpartition(".")
    shown = _decoded(signature)
    if not is_one_of(shown, (_signature(signed, secret) for secret in secrets)):
        raise BadTokenError("the token's signature is wrong")
    # The signature is ours, so the payload is an object that this module encoded.
    claims = cast("dict[str, object]", orjson.loads(_decoded(signed.partition(".")[2])))
    expiry = claims.get("exp")
    if not isinstance(expiry, int | float) or expiry <= now:
        raise BadTokenError("the token has expired")
    return claims


def _signature(signed: str, secret: bytes) -> bytes:
    return hmac.digest(secret, signed.encode("utf-8", "replace"), sha256)


def _encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError as error:
        raise BadTokenError("the token is malformed") from error
