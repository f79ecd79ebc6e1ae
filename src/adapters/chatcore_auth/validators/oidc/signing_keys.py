"""Reads the public keys of an issuer from its JWKS."""

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping
from typing import Final, cast

from attrs import field, frozen
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from chatcore_auth.token_check import Unusable
from chatcore_auth.validators.oidc.json_object import parse_object

PublicKey = RSAKey | ECKey | OKPKey

#: An issuer publishes a handful of keys.
MAX_KEYS = 100
#: NIST SP 800-131A and RFC 7518 require 2048 bits; beyond the upper bound one verification takes milliseconds.
MIN_RSA_BITS, MAX_RSA_BITS = 2048, 8192


@frozen
class _KeyKind:
    """A kind of key that is accepted, and the only algorithm that it is used with."""

    algorithm: str
    #: The members of the JWK that make up the public key.
    members: tuple[str, ...]
    import_key: Callable[[dict[str, str | list[str]]], PublicKey]


_RSA: Final = _KeyKind("RS256", ("n", "e"), RSAKey.import_key)
# A key has one algorithm, so no token can choose another one for it. Symmetric keys are not in the table.
_KINDS: Final[Mapping[tuple[object, object], _KeyKind]] = {
    ("EC", "P-256"): _KeyKind("ES256", ("crv", "x", "y"), ECKey.import_key),
    ("OKP", "Ed25519"): _KeyKind("EdDSA", ("crv", "x"), OKPKey.import_key),
}

#: The algorithms of the tokens that are accepted.
ALGORITHMS: Final = frozenset(kind.algorithm for kind in (_RSA, *_KINDS.values()))


@frozen
class _SigningKey:
    key_id: str | None
    algorithm: str
    key: PublicKey


@frozen
class SigningKeys:
    """The public keys with which an issuer's tokens are verified."""

    _keys: tuple[_SigningKey, ...] = field(repr=lambda keys: str([key.key_id for key in keys]))

    def __len__(self) -> int:
        """Returns the number of keys."""
        return len(self._keys)

    def find(self, key_id: str | None, algorithm: str) -> tuple[PublicKey, ...]:
        """Returns the keys that may have signed a token with this `kid` and `alg`.

        Several keys are returned only if the issuer gave them the same `kid`. A token without a `kid` has a key only if
        the issuer has a single key for the algorithm, as OpenID Connect Core, section 10.1, says.
        """
        keys = [key for key in self._keys if key.algorithm == algorithm]
        if key_id is None:
            return (keys[0].key,) if len(keys) == 1 else ()
        return tuple(key.key for key in keys if key.key_id == key_id)


def read_signing_keys(body: bytes) -> SigningKeys | Unusable:
    """Returns the keys of a JWKS that can verify tokens; other keys, such as those for encryption, are left out."""
    listed = (parse_object(body) or {}).get("keys")
    if not isinstance(listed, list):
        return Unusable("the key set is not JSON with a list of keys")
    jwks = cast("list[object]", listed)
    if len(jwks) > MAX_KEYS:
        return Unusable(f"a key set of more than {MAX_KEYS} keys")
    keys = tuple(_usable(jwks))
    return SigningKeys(keys) if keys else Unusable("the key set has no key that can be used")


def _usable(listed: Iterable[object]) -> Iterable[_SigningKey]:
    for jwk in listed:
        if isinstance(jwk, dict):
            key = _read_key(cast("dict[str, object]", jwk))
            if key is not None:
                yield key


def _read_key(jwk: dict[str, object]) -> _SigningKey | None:
    kind = _RSA if jwk.get("kty") == "RSA" else _kind_of_curve(jwk)
    key_id = jwk.get("kid")
    if kind is None or not (key_id is None or isinstance(key_id, str)) or not _is_meant_for(jwk, kind.algorithm):
        return None
    members = {name: jwk.get(name) for name in ("kty", *kind.members)}
    if kind is _RSA and not MIN_RSA_BITS <= _bits(members["n"]) <= MAX_RSA_BITS:
        return None
    try:
        # Only the public members are imported, so a private key that an issuer has published by mistake is left behind.
        key = kind.import_key(cast("dict[str, str | list[str]]", members))
    except (JoseError, ValueError):
        return None
    return _SigningKey(key_id, kind.algorithm, key)


def _kind_of_curve(jwk: dict[str, object]) -> _KeyKind | None:
    kty, crv = jwk.get("kty"), jwk.get("crv")
    return _KINDS.get((kty, crv)) if isinstance(kty, str) and isinstance(crv, str) else None


def _is_meant_for(jwk: dict[str, object], algorithm: str) -> bool:
    operations = jwk.get("key_ops")
    may_verify = operations is None or (isinstance(operations, list) and "verify" in operations)
    return may_verify and jwk.get("use", "sig") == "sig" and jwk.get("alg", algorithm) == algorithm


def _bits(modulus: object) -> int:
    if not isinstance(modulus, str):
        return 0
    try:
        return int.from_bytes(base64.urlsafe_b64decode(f"{modulus}==")).bit_length()
    except (binascii.Error, ValueError):
        return 0
