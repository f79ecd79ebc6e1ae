"""The name under which a token is remembered."""

from hashlib import sha256

#: Longer ones are no tokens: the whole header of a request is allowed 16 KiB.
MAX_TOKEN_BYTES = 16 * 1024

#: Stands for a token where the token itself must not be kept.
TokenKey = bytes


def token_key(token: str) -> TokenKey | None:
    """The SHA-256 of the whole token; None for text that can be nobody's token.

    The whole of it: a cache keyed by a prefix lets one user in as another (CVE-2026-35030).
    """
    try:
        encoded = token.encode()
    except UnicodeEncodeError:
        return None
    if not encoded or len(encoded) > MAX_TOKEN_BYTES:
        return None
    return sha256(encoded).digest()
