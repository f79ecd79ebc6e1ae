"""Fuzzes the reading of signed tokens: only the token that the issuer has signed has claims."""

from chatcore_auth.validators.oidc.signed_token import read_header, verified_claims
from chatcore_auth.validators.oidc.signing_keys import SigningKeys, read_signing_keys

_KEYS = read_signing_keys(
    b'{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"ed","x":"oPJxolesz1vrA3xYseKswCJJMymqDbevTXZ9KdN5L3s"}]}'
)
assert isinstance(_KEYS, SigningKeys)
_KEY = _KEYS.find("ed", "EdDSA")

_HEADER, _PAYLOAD, _SIGNATURE = (
    "eyJhbGciOiJFZERTQSIsImtpZCI6ImVkIiwidHlwIjoiYXQrand0In0",
    "eyJzdWIiOiJhbm4ifQ",
    "Wr0kJGd6O3OoaKxJ8dQxFUHYUeWihCvpwsIP5d0GJQ19QvQN3FaIy1-BLX7wE6opALgLVxz4-B2ZP6WvtScoCQ",
)
_CLAIMS = {"sub": "ann"}

SEEDS = tuple(
    seed.encode()
    for seed in (
        f"{_HEADER}.{_PAYLOAD}.{_SIGNATURE}",
        f"{_HEADER}.{_PAYLOAD}.",
        f"{_HEADER}.e30.{_SIGNATURE}",
        f"eyJhbGciOiJub25lIn0.{_PAYLOAD}.",
        f"eyJhbGciOiJIUzI1NiIsImtpZCI6ImVkIn0.{_PAYLOAD}.{_SIGNATURE}",
        f"eyJhbGciOiJFZERTQSIsImNyaXQiOlsiYjY0Il0sImI2NCI6ZmFsc2V9.{_PAYLOAD}.{_SIGNATURE}",
        f"W10.{_PAYLOAD}.{_SIGNATURE}",
        "e30.e30.e30.e30.e30",
        "..",
        "token",
        "\ufffd.\0.\n",
    )
)
# The fuzzer starts from a token that is accepted.
assert verified_claims(SEEDS[0].decode(), _KEY) == _CLAIMS


def check(data: bytes) -> None:
    """Reads a token."""
    token = data.decode(errors="surrogateescape")

    header = read_header(token)
    claims = verified_claims(token, _KEY)

    assert header is None or header.algorithm in {"RS256", "ES256", "EdDSA"}
    if claims is not None:
        assert claims == _CLAIMS
        assert token.startswith(f"{_HEADER}.{_PAYLOAD}.")
