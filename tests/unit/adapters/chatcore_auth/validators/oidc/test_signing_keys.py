"""Reading a JWKS: which keys can verify tokens, and for which tokens."""

from __future__ import annotations

import orjson
import pytest
from tests.oidc_tokens import IssuerKey, base64url, ec_key, ed_key, key_set, rsa_key

from chatcore_auth.token_check import Unusable
from chatcore_auth.validators.oidc.signing_keys import MAX_KEYS, SigningKeys, read_signing_keys


def read(*jwks: object) -> SigningKeys:
    keys = read_signing_keys(key_set(*jwks))
    assert isinstance(keys, SigningKeys)
    return keys


@pytest.mark.parametrize("key", [rsa_key(), ec_key(), ed_key()])
def test_a_key_is_found_by_its_id_and_its_algorithm(key: IssuerKey) -> None:
    keys = read(rsa_key("other").jwk(), key.jwk())

    assert len(keys.find(key.key_id, key.algorithm)) == 1
    assert keys.find("unknown", key.algorithm) == ()
    for algorithm in {"RS256", "ES256", "EdDSA", "HS256", "none"} - {key.algorithm}:
        assert keys.find(key.key_id, algorithm) == ()


@pytest.mark.parametrize("key", [rsa_key(), ec_key(), ed_key()])
def test_use_and_algorithm_and_operations_may_be_absent_or_name_the_purpose(key: IssuerKey) -> None:
    purposes = ({"use": None, "alg": None}, {"key_ops": ["verify"]}, {"use": None, "key_ops": ["sign", "verify"]})
    for jwk in (key.jwk(**purpose) for purpose in purposes):
        assert len(read(jwk).find(key.key_id, key.algorithm)) == 1


ODD_EXPONENT = base64url((65536).to_bytes(3))

UNUSABLE: dict[str, object] = {
    "for encryption": rsa_key().jwk(use="enc"),
    "for another use": rsa_key().jwk(use=["sig"]),
    "for another operation": rsa_key().jwk(key_ops=["encrypt"]),
    "operations that are no list": rsa_key().jwk(key_ops="verify"),
    "for another algorithm": rsa_key().jwk(alg="RS512"),
    "for PSS": rsa_key().jwk(alg="PS256"),
    "an algorithm that is no text": rsa_key().jwk(alg=["RS256"]),
    "an id that is no text": rsa_key().jwk(kid=7),
    "1024 bits": rsa_key("small", 1024).jwk(),
    "2040 bits": rsa_key("almost", 2040).jwk(),
    "a modulus of 8193 bits": rsa_key().jwk(n=base64url(((1 << 8192) + 1).to_bytes(1025))),
    "no modulus": rsa_key().jwk(n=None),
    "a modulus that is no text": rsa_key().jwk(n=65537),
    "a modulus that is not base64url": rsa_key().jwk(n="ä" * 400),
    "an even exponent": rsa_key().jwk(e=ODD_EXPONENT),
    "no exponent": rsa_key().jwk(e=None),
    "P-384": ec_key("p384", "P-384", "ES384").jwk(),
    "P-384 that claims ES256": ec_key("p384", "P-384", "ES384").jwk(alg="ES256"),
    "a point that is not on the curve": ec_key().jwk(x=ec_key("other").jwk()["x"]),
    "a curve that is no text": ec_key().jwk(crv=["P-256"]),
    "Ed448": ed_key("ed448", "Ed448").jwk(),
    "X25519": ed_key("x25519", "X25519").jwk(),
    "a short Edwards key": ed_key().jwk(x="AAAA"),
    "symmetric": {"kty": "oct", "kid": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"},
    "of an unknown type": {"kty": "AKP", "kid": "new", "alg": "ML-DSA-44"},
    "of no type": rsa_key().jwk(kty=None),
    "a type that is no text": rsa_key().jwk(kty=["RSA"]),
    "empty": {},
    "no object": "key",
    "null": None,
}


@pytest.mark.parametrize("jwk", UNUSABLE.values(), ids=UNUSABLE)
def test_a_key_that_cannot_verify_tokens_is_left_out_and_the_others_are_used(jwk: object) -> None:
    assert isinstance(read_signing_keys(key_set(jwk)), Unusable)

    assert len(read(jwk, ec_key("good").jwk())) == 1


def test_members_that_are_not_needed_are_not_read() -> None:
    odd = rsa_key().jwk(x5u="nonsense", x5c=["AAAA"], x5t=7, exp="tomorrow", revoked=None)

    assert len(read(odd).find("rsa", "RS256")) == 1


def test_a_private_key_that_is_published_by_mistake_is_used_as_a_public_key() -> None:
    jwk = {**rsa_key().jwk(), **rsa_key().pair.as_dict(private=True)}

    (key,) = read(jwk).find("rsa", "RS256")

    assert not key.is_private


def test_keys_of_the_same_id_are_all_found() -> None:
    keys = read(ec_key("same").jwk(), ec_key("other").jwk(kid="same"), ed_key("same").jwk())

    assert len(keys.find("same", "ES256")) == 2
    assert len(keys.find("same", "EdDSA")) == 1


def test_a_token_without_an_id_has_a_key_only_if_no_other_key_has_its_algorithm() -> None:
    keys = read(ec_key(None).jwk(), rsa_key("a").jwk(), rsa_key("b").jwk())

    assert len(keys.find(None, "ES256")) == 1
    assert keys.find(None, "RS256") == ()
    assert keys.find("ec", "ES256") == ()


NO_KEY_SETS = {
    "empty": b"",
    "not JSON": b"<html>",
    "not UTF-8": b"\xff",
    "null": b"null",
    "a list": b"[]",
    "no keys": b"{}",
    "keys that are no list": b'{"keys":{}}',
    "an empty list": b'{"keys":[]}',
    "deeply nested": b'{"keys":' + b"[" * 50_000,
    "a key of deep nesting": b'{"keys":[{"kty":' + b"[" * 500 + b"]" * 500 + b"}]}",
    "NaN": b'{"keys":NaN}',
    "a thousand keys": orjson.dumps({"keys": [ec_key().jwk()] * 1000}),
}


@pytest.mark.parametrize("body", NO_KEY_SETS.values(), ids=NO_KEY_SETS)
def test_what_is_not_a_key_set_is_unusable(body: bytes) -> None:
    assert isinstance(read_signing_keys(body), Unusable)


def test_the_number_of_keys_is_bounded() -> None:
    jwks = [ed_key().jwk(kid=str(number)) for number in range(MAX_KEYS)]

    assert len(read(*jwks)) == MAX_KEYS
    assert isinstance(read_signing_keys(key_set(*jwks, ed_key().jwk())), Unusable)


def test_the_repr_shows_the_ids_alone() -> None:
    assert repr(read(ec_key().jwk(), rsa_key().jwk())) == "SigningKeys(_keys=['ec', 'rsa'])"
