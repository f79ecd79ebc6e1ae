"""Caches the results of validating tokens."""

from datetime import datetime

from attrs import frozen
from cachetools import TLRUCache, TTLCache

from chatcore.ports.clock import Clock
from chatcore_auth.token_check import Rejected, Vouched
from chatcore_auth.token_key import TokenKey

#: The auth port allows no result to be cached for longer.
MAX_TTL_SECONDS = 300.0

REJECTED_TTL_SECONDS = 10.0
REJECTED_MAX_SIZE = 1024


@frozen
class _Entry:
    check: Vouched
    ttl_seconds: float


def _expiry_of(_key: TokenKey, entry: _Entry, now: float) -> float:
    return now + entry.ttl_seconds


class TokenCheckCache:
    """Caches a user for min(TTL, the token's remaining lifetime), and a rejection for a few seconds.

    Users and rejections are in separate maps, so that a flood of bad tokens cannot evict good ones. Neither map holds a
    token: keys are digests, values are users. Only the event loop's thread uses the maps, without an `await` in
    between, so no lock is needed.

    Args:
        clock: the clock that measures TTLs by its monotonic time and the tokens' expiry by its current time.
        ttl_seconds: the longest time for which a user is cached; more than 300 counts as 300, and 0 disables caching.
        max_size: the number of users that are cached; the least recently used one is evicted.
    """

    def __init__(self, clock: Clock, *, ttl_seconds: float, max_size: int) -> None:
        self._clock = clock
        self._ttl_seconds = min(ttl_seconds, MAX_TTL_SECONDS) if max_size > 0 else 0.0
        self._vouched: TLRUCache[TokenKey, _Entry] = TLRUCache(max(max_size, 1), ttu=_expiry_of, timer=clock.monotonic)
        self._rejected: TTLCache[TokenKey, Rejected] = TTLCache(
            REJECTED_MAX_SIZE, REJECTED_TTL_SECONDS, timer=clock.monotonic
        )

    def get(self, key: TokenKey) -> Vouched | Rejected | None:
        """Returns the cached result, or None if the token has to be validated."""
        try:
            # The `get` method of the library would look the key up twice.
            entry = self._vouched[key]
        except KeyError:
            return self._rejected.get(key)
        if self._ttl_for(entry.check.user.expires_at) <= 0:
            # The wall clock was set forward. The entry is still there, because TTLs are measured on monotonic time.
            self._vouched.pop(key, None)
            return None
        return entry.check

    def put(self, key: TokenKey, check: Vouched | Rejected) -> None:
        """Caches `check`, unless the token has expired, and removes an older result of the same token."""
        self._vouched.pop(key, None)
        self._rejected.pop(key, None)
        if isinstance(check, Rejected):
            self._rejected[key] = check
        else:
            # The map ignores an entry whose TTL is not positive.
            self._vouched[key] = _Entry(check, self._ttl_for(check.user.expires_at))

    def _ttl_for(self, expires_at: datetime | None) -> float:
        if expires_at is None:
            return self._ttl_seconds
        return min(self._ttl_seconds, (expires_at - self._clock.now()).total_seconds())
