"""Headers and signatures of tokens: only what the issuer has signed, by the algorithm of the key, is read."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from tests.oidc_tokens import IssuerKey, base64url, ec_key, ed_key, encoded, key_set, rsa_key

from chatcore_auth.validators.oidc.signed_token import TokenHeader, read_header, verified_claims
from chatcore_auth.validators.oidc.signing_keys import PublicKey, SigningKeys, read_signing_keys

KEYS = [rsa_key(), ec_key(), ed_key()]
CLAIMS = {"sub": "ann", "n": 1}


def public(*keys: IssuerKey) -> tuple[PublicKey, ...]:
    read = read_signing_keys(key_set(*(key.jwk() for key in keys)))
    assert isinstance(read, SigningKeys)
    return tuple(found for key in keys for found in read.find(key.key_id, key.algorithm))


@pytest.mark.parametrize("key", KEYS)
def test_the_claims_of_a_signed_token_are_read(key: IssuerKey) -> None:
    token = key.sign(CLAIMS)

    assert read_header(token) == TokenHeader(key.algorithm, key.key_id)
    assert verified_claims(token, public(key)) == CLAIMS


@pytest.mark.parametrize("typ", [None, "JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt", "application/JWT"])
def test_access_tokens_and_tokens_that_name_no_purpose_are_accepted(typ: str | None) -> None:
    assert read_header(rsa_key().sign(CLAIMS, typ=typ)) is not None


@pytest.mark.parametrize("typ", ["logout+jwt", "dpop+jwt", "secevent+jwt", "JWE", "", 7, ["JWT"], "at+jwt "])
def test_tokens_of_another_purpose_are_not(typ: object) -> None:
    assert read_header(rsa_key().sign(CLAIMS, typ=typ)) is None


UNACCEPTED: list[object] = [
    *("none", "None", "NONE", "nOnE", "", "HS256", "HS384", "HS512", "RS384", "RS512", "PS256", "ES384", "ES256K"),
    *("Ed25519", "Ed448", "rs256", " RS256", "RSA-OAEP", "dir", 7, True, None, ["RS256"], {"RS256": 1}),
]


@pytest.mark.parametrize("algorithm", UNACCEPTED, ids=map(repr, UNACCEPTED))
def test_any_other_algorithm_is_refused(algorithm: object) -> None:
    assert read_header(rsa_key().sign(CLAIMS, alg=algorithm)) is None


def test_the_header_does_not_choose_the_algorithm_of_a_key() -> None:
    header = encoded({"alg": "HS256", "kid": "rsa"})
    text = f"{header}.{encoded(CLAIMS)}"
    for secret in (rsa_key().pair.as_pem(), rsa_key().pair.as_der(), key_set(rsa_key().jwk())):
        token = f"{text}.{base64url(hmac.digest(secret, text.encode(), hashlib.sha256))}"

        assert read_header(token) is None
        assert verified_claims(token, public(rsa_key())) is None


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("other", KEYS)
def test_a_key_verifies_no_token_of_another_key(key: IssuerKey, other: IssuerKey) -> None:
    if key is not other:
        assert verified_claims(key.sign(CLAIMS), public(other)) is None


@pytest.mark.parametrize("extension", [["b64"], ["exp"], ["made-up"], [], "exp", 7, None, {"a": 1}])
def test_a_token_with_an_extension_that_must_be_understood_is_refused(extension: object) -> None:
    header = encoded({"alg": "ES256", "kid": "ec", "crit": extension, "exp": 1, "made-up": 1, "b64": True})

    assert read_header(f"{header}.e30.AA") is None


def test_a_payload_that_is_not_encoded_is_refused() -> None:
    assert read_header(f"{encoded({'alg': 'ES256', 'b64': False, 'crit': ['b64']})}.claims.AA") is None
    assert read_header(f"{encoded({'alg': 'ES256', 'b64': False})}.claims.AA") is None


@pytest.mark.parametrize("name", ["jwk", "jku", "x5u", "x5c", "x5t", "cty", "made-up"])
def test_a_key_or_its_address_in_the_header_is_ignored(name: str) -> None:
    attacker = ec_key("attacker")
    members: dict[str, object] = {
        "jwk": attacker.jwk(),
        "jku": "https://attacker.test/keys",
        "x5u": "https://attacker.test/certificate",
        "x5c": ["AAAA"],
    }
    header = {name: members.get(name, "text")}

    assert verified_claims(attacker.sign(CLAIMS, kid="ec", **header), public(ec_key())) is None
    assert verified_claims(ec_key().sign(CLAIMS, **header), public(ec_key())) == CLAIMS


def test_each_key_of_the_same_id_is_tried() -> None:
    keys = (*public(ec_key("other")), *public(ec_key()))

    assert verified_claims(ec_key().sign(CLAIMS), keys) == CLAIMS
    assert verified_claims(ec_key().sign(CLAIMS), ()) is None


def _changed(token: str) -> dict[str, str]:
    header, payload, signature = token.split(".")
    first = "A" if signature[0] != "A" else "B"
    return {
        "another payload": f"{header}.{encoded({'sub': 'root'})}.{signature}",
        "another header": f"{encoded({'alg': 'ES256', 'kid': 'ec', 'x': 1})}.{payload}.{signature}",
        "another signature": f"{header}.{payload}.{first}{signature[1:]}",
        "no signature": f"{header}.{payload}.",
        "half a signature": f"{header}.{payload}.{signature[:43]}",
        "a signature of zeros": f"{header}.{payload}.{base64url(bytes(64))}",
        "a signature with padding": f"{header}.{payload}.{signature}==",
        "a signature with white space": f"{header}.{payload}.{signature}\n",
        "no payload": f"{header}..{signature}",
    }


CHANGED = _changed(ec_key().sign(CLAIMS))


@pytest.mark.parametrize("token", CHANGED.values(), ids=CHANGED)
def test_a_changed_token_has_no_claims(token: str) -> None:
    assert verified_claims(token, public(ec_key())) is None


NO_TOKENS = {
    "empty": "",
    "blank": " ",
    "one part": "token",
    "two parts": "e30.e30",
    "four parts": f"{CHANGED['no signature']}.x",
    "five parts, as an encrypted token has": "e30.e30.e30.e30.e30",
    "only dots": "..",
    "a header that is not base64url": "+/==.e30.AA",
    "a header that is not JSON": f"{encoded(b'alg')}.e30.AA",
    "a header that is not UTF-8": f"{encoded(bytes([255]))}.e30.AA",
    "a header that is a list": f"{encoded(['alg'])}.e30.AA",
    "a header that is null": f"{encoded(None)}.e30.AA",
    "an empty header": "e30.e30.AA",
    "a header of deep nesting": f"{encoded(b'[' * 8000)}.e30.AA",
    "a key id that is a number": f"{encoded({'alg': 'ES256', 'kid': 7})}.e30.AA",
    "a key id that is a list": f"{encoded({'alg': 'ES256', 'kid': ['ec']})}.e30.AA",
    "not ASCII": "tökén.é.ü",
    "a lone surrogate": "\ud800.e30.AA",
    "U+0000": "\x00.\x00.\x00",
}


@pytest.mark.parametrize("token", NO_TOKENS.values(), ids=NO_TOKENS)
def test_what_is_not_a_signed_token_is_refused(token: str) -> None:
    assert read_header(token) is None


@pytest.mark.parametrize("nesting", [900, 990, 1000, 1010])
def test_a_header_of_deep_nesting_is_refused_by_either_parser(nesting: int) -> None:
    header = b'{"alg":"ES256","kid":"ec","x":' + b"[" * nesting + b"]" * nesting + b"}"
    token = f"{encoded(header)}.e30.{base64url(bytes(64))}"

    assert read_header(token) in {None, TokenHeader("ES256", "ec")}
    assert verified_claims(token, public(ec_key())) is None


PAYLOADS = [b"", b"claims", b"\xff", b"[]", b"null", b'"claims"', b"[" * 5000, b'{"exp":NaN}']


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_signed_payload_that_is_not_an_object_has_no_claims(payload: bytes) -> None:
    assert verified_claims(ec_key().sign(payload), public(ec_key())) is None


@pytest.mark.parametrize("key", KEYS)
def test_a_token_of_16_kibibytes_is_read(key: IssuerKey) -> None:
    claims = {"sub": "ann", "groups": ["g" * 100] * 85}
    token = key.sign(claims, x5c=["A" * 3000])

    assert 15_000 < len(token) <= 16_384
    assert verified_claims(token, public(key)) == claims
