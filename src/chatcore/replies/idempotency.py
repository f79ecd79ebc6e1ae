"""Defines idempotency keys: sends that repeat the same key, by a retry or from a second tab, count as one send.

The storage records the key in the same transaction as the message, so neither exists without the other. The semantics
follow the IETF draft "The Idempotency-Key HTTP Header Field".
"""

import hashlib
import json
from collections.abc import Mapping

from attrs import frozen

from chatcore.errors import FieldProblem, InvalidInputError

MAX_KEY_CHARS = 255
#: For how many hours a key is remembered.
KEPT_HOURS = 24


@frozen
class IdempotencyKey:
    """Identifies one send of a caller, with the fingerprint of its request.

    Raises:
        InvalidInputError: the key is not 1 to 255 visible ASCII characters.
    """

    key: str
    #: SHA-256 over conversation and request, 32 bytes. The same key with another fingerprint is the caller's mistake.
    fingerprint: bytes

    def __attrs_post_init__(self) -> None:
        if not 1 <= len(self.key) <= MAX_KEY_CHARS or not all("!" <= char <= "~" for char in self.key):
            problem = f"must be 1 to {MAX_KEY_CHARS} visible ASCII characters"
            raise InvalidInputError(FieldProblem("Idempotency-Key", problem))


def fingerprint(request: Mapping[str, object]) -> bytes:
    """Returns the SHA-256 digest of a request, which does not depend on the order of the keys of the JSON objects."""
    canonical = json.dumps(request, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).digest()
