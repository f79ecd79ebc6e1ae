"""Encodes the terms of a user as those of the index.

Each term begins with a hash of its user, so that all terms of a user stand together in the index and those of others
are neither found nor passed. A collision of two hashes costs time and shows nothing: rows are read by user as well.
"""

from base64 import urlsafe_b64encode
from collections.abc import Iterable, Sequence
from functools import lru_cache
from hashlib import blake2b

from chatcore.search.query import QueryTerm
from chatcore.user import UserId

_HASH_BYTES = 6


def as_terms(user_id: UserId, terms: Iterable[str]) -> str:
    """Returns terms with spaces between them, as the statement that stores them takes them; no term has a space."""
    prefix = _prefix(user_id)
    return " ".join([prefix + term for term in terms])


def as_query(user_id: UserId, terms: Sequence[QueryTerm]) -> str:
    """Returns a `tsquery` for all of the terms."""
    prefix = _prefix(user_id)
    return " & ".join(f"'{prefix}{_escaped(term.text)}'{':*' if term.is_prefix else ''}" for term in terms)


def _escaped(term: str) -> str:
    return term.replace("\\", "\\\\").replace("'", "''")


@lru_cache(maxsize=1024)
def _prefix(user_id: UserId) -> str:
    return urlsafe_b64encode(blake2b(user_id.encode(), digest_size=_HASH_BYTES).digest()).decode()
