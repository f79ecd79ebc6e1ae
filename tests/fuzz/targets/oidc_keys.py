"""Fuzzes the reading of key sets: every key that is found verifies, and has the algorithm of its kind."""

from chatcore_auth.token_check import Unusable
from chatcore_auth.validators.oidc.signing_keys import ALGORITHMS, MAX_KEYS, read_signing_keys

# RFC 8037, appendix A, and RFC 7517, appendix A.
_ED = b'"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"'
_EC = (
    b'"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",'
    b'"y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"'
)
_RSA = b'"kty":"RSA","n":"' + b"_" * 341 + b'8","e":"AQAB"'

SEEDS = (
    b'{"keys":[{' + _ED + b',"kid":"a"}]}',
    b'{"keys":[{' + _EC + b',"kid":"a","use":"sig"}]}',
    b'{"keys":[{' + _RSA + b',"kid":"a","alg":"RS256","key_ops":["verify"]}]}',
    b'{"keys":[{' + _RSA + b',"kid":"a","alg":"RS512"}]}',
    b'{"keys":[{' + _EC + b',"kid":7},{' + _ED + b"}]}",
    b'{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"}]}',
    b'{"keys":[{"kty":"oct","k":"AAAA"}]}',
    b'{"keys":[{"kty":["EC"],"crv":{},"use":[],"alg":1,"key_ops":"x"}]}',
    b'{"keys":[null,[],"key",{}]}',
    b'{"keys":{}}',
    b"[]",
)


def check(data: bytes) -> None:
    """Reads a key set."""
    keys = read_signing_keys(data)

    if isinstance(keys, Unusable):
        assert keys.reason.isascii()
        return
    assert 0 < len(keys) <= MAX_KEYS
    for algorithm in ALGORITHMS:
        for key in keys.find("a", algorithm):
            assert not key.is_private
            assert key.key_type == {"RS256": "RSA", "ES256": "EC", "EdDSA": "OKP"}[algorithm]
