"""Derives the cache key of a token."""

from hashlib import sha256

#: Most bytes of a token; longer text is no token: a request's headers may have 16 KiB in total.
MAX_TOKEN_BYTES = 16 * 1024

#: The key that identifies a token where the token itself must not be stored.
TokenKey = bytes


def token_key(token: str) -> TokenKey | None:
    """Returns the SHA-256 digest of the whole token, or None for text that cannot be a token.

    Hashing the whole token matters: a cache keyed by a prefix lets one user in as another (CVE-2026-35030).
    """
    try:
        encoded = token.encode()
    except UnicodeEncodeError:
        return None
    if not encoded or len(encoded) > MAX_TOKEN_BYTES:
        return None
    return sha256(encoded).digest()
