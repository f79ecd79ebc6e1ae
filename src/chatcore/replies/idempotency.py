"""Idempotency keys: a send that is repeated, by a retry or a second tab, is one send.

The key is recorded in the same transaction as the message, so there is no moment at which one exists without
the other. Semantics follow the IETF draft "The Idempotency-Key HTTP Header Field".
"""

import hashlib
import json
from collections.abc import Mapping

from attrs import frozen

from chatcore.errors import FieldProblem, InvalidInputError

MAX_KEY_CHARS = 255
#: How long a key is remembered.
KEPT_HOURS = 24


@frozen
class IdempotencyKey:
    """A caller's name for one send, and the fingerprint of what was sent under it.

    Raises:
        InvalidInputError: the key is not 1 to 255 visible ASCII characters.
    """

    key: str
    #: SHA-256 over conversation and request, 32 bytes: the same key with another is a mistake of the caller's.
    fingerprint: bytes

    def __attrs_post_init__(self) -> None:
        if not 1 <= len(self.key) <= MAX_KEY_CHARS or not all("!" <= char <= "~" for char in self.key):
            problem = f"must be 1 to {MAX_KEY_CHARS} visible ASCII characters"
            raise InvalidInputError(FieldProblem("Idempotency-Key", problem))


def fingerprint(request: Mapping[str, object]) -> bytes:
    """A SHA-256 digest that is the same for the same JSON values, whatever their order."""
    canonical = json.dumps(request, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).digest()
