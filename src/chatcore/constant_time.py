"""Compares secrets in constant time."""

from collections.abc import Iterable
from hmac import compare_digest


def is_one_of(shown: bytes, secrets: Iterable[bytes]) -> bool:
    """Returns whether `shown` equals one of the secrets; compares with all secrets, even after a match."""
    return sum(compare_digest(shown, secret) for secret in secrets) > 0
