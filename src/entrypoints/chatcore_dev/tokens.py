"""Signed tokens for the local auth service: JSON Web Tokens with HMAC-SHA256, by the standard library."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from hashlib import sha256
from typing import cast

import orjson

from chatcore_dev.constant_time import is_one_of

_HEADER = {"alg": "HS256", "typ": "JWT"}


class BadTokenError(Exception):
    """The token was not made with this secret, or has ended; the text says which."""


def sign(claims: dict[str, object], secret: bytes) -> str:
    """A token that carries `claims`."""
    signed = f"{_encoded(orjson.dumps(_HEADER))}.{_encoded(orjson.dumps(claims))}"
    return f"{signed}.{_encoded(_signature(signed, secret))}"


def claims_in(token: str, secrets: Sequence[bytes], now: float) -> dict[str, object]:
    """What a valid token carries.

    The header's `alg` is not looked at: there is one way of signing here, so nobody can choose another.

    Args:
        token: any text.
        secrets: it must have been signed with one of them.
        now: seconds since 1970; the claim `exp` must be later.

    Raises:
        BadTokenError: it is not valid.
    """
    signed, _, signature = token.rpartition(".")
    shown = _decoded(signature)
    if not is_one_of(shown, (_signature(signed, secret) for secret in secrets)):
        raise BadTokenError("the token's signature is wrong")
    # What carries our signature has our shape.
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
