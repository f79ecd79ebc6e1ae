"""Reads the header of a signed token, and verifies the signature."""

from collections.abc import Iterable
from copy import copy
from typing import Final

from attrs import frozen
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.util import urlsafe_b64decode

from chatcore_auth.token_key import MAX_TOKEN_BYTES
from chatcore_auth.validators.oidc.json_object import parse_object
from chatcore_auth.validators.oidc.signing_keys import ALGORITHMS, PublicKey

#: The types of token that are accepted, without "application/": JWTs that name no purpose, and access tokens of RFC
#: 9068. Another type, such as `logout+jwt`, says that the token lets nobody in.
TYPES: Final = frozenset({"jwt", "at+jwt"})


def _make_registry() -> jws.JWSRegistry:
    # Members of the header that are not known have to be ignored (RFC 7515, section 4).
    registry = jws.JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
    # The library warns at each use of EdDSA that RFC 9864 prefers another name for it; issuers still use this one.
    eddsa = copy(registry.algorithms["EdDSA"])
    eddsa.security_warning = None
    registry.algorithms = {**registry.algorithms, eddsa.name: eddsa}
    # A header may contain a certificate chain. The token as a whole is bounded.
    registry.max_header_length = registry.max_payload_length = registry.max_signature_length = MAX_TOKEN_BYTES
    return registry


_REGISTRY: Final = _make_registry()


@frozen
class TokenHeader:
    """What the header of a token says about its signature. Nothing of this is verified."""

    algorithm: str
    #: The id of the key (`kid`), if the header has one.
    key_id: str | None


def read_header(token: str) -> TokenHeader | None:
    """Returns the header of a token, or None if the token is not a signed one of an accepted algorithm and type.

    Keys, addresses of keys and certificates in the header (`jwk`, `jku`, `x5u`, `x5c`) are ignored: the caller of a
    request must not choose the key. A token with an extension that has to be understood (`crit`) is refused.
    """
    encoded, *rest = token.split(".")
    if len(rest) != 2:  # noqa: PLR2004 - a payload and a signature
        return None
    try:
        header = parse_object(urlsafe_b64decode(encoded.encode()))
    except ValueError:
        return None
    if header is None or "crit" in header or "b64" in header:
        return None
    algorithm, key_id = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS or not _is_accepted_type(header.get("typ")):
        return None
    if not (key_id is None or isinstance(key_id, str)):
        return None
    return TokenHeader(algorithm, key_id)


def _is_accepted_type(typ: object) -> bool:
    return typ is None or (isinstance(typ, str) and typ.lower().removeprefix("application/") in TYPES)


def verified_claims(token: str, keys: Iterable[PublicKey]) -> dict[str, object] | None:
    """Returns the claims of a token that one of the keys has signed, or None."""
    payload = next((payload for key in keys if (payload := _verified(token, key)) is not None), None)
    return None if payload is None else parse_object(payload)


def _verified(token: str, key: PublicKey) -> bytes | None:
    try:
        return jws.deserialize_compact(token, key, registry=_REGISTRY).payload
    # A RecursionError comes from a deeply nested header.
    except (JoseError, ValueError, RecursionError):
        return None
