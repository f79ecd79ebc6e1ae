"""What the auth service said lately.

Two maps, so that a flood of bad tokens cannot push out the good ones. Neither holds a token: keys are digests,
values are users. All access is on the event loop without an `await` in between, so no lock is needed.
"""

from datetime import datetime

from attrs import frozen
from cachetools import TLRUCache, TTLCache

from chatcore.ports.clock import Clock
from chatcore.user import User
from chatcore_auth.token_key import TokenKey
from chatcore_auth.validators.service.answer import Rejected, Vouched

#: The auth port allows no answer to be remembered for longer.
LONGEST_LIFE_SECONDS = 300.0

REJECTED_LIFE_SECONDS = 10.0
REJECTED_MAX_SIZE = 1024


@frozen
class _Remembered:
    check: Vouched
    life_seconds: float


def _end_of_life(_key: TokenKey, entry: _Remembered, now: float) -> float:
    return now + entry.life_seconds


class TokenCheckCache:
    """Remembers check, good ones for min(ttl, the token's own expiry), bad ones for a few seconds.

    Args:
        clock: life is measured on its monotonic time, the tokens' expiry on its present instant.
        ttl_seconds: how long a vouched user is remembered at most; above 300 it is 300, and 0 switches it off.
        max_size: how many users are remembered; the least recently seen makes room.
    """

    def __init__(self, clock: Clock, *, ttl_seconds: float, max_size: int) -> None:
        self._clock = clock
        self._ttl_seconds = min(ttl_seconds, LONGEST_LIFE_SECONDS) if max_size > 0 else 0.0
        self._vouched: TLRUCache[TokenKey, _Remembered] = TLRUCache(
            max(max_size, 1), ttu=_end_of_life, timer=clock.monotonic
        )
        self._rejected: TTLCache[TokenKey, Rejected] = TTLCache(
            REJECTED_MAX_SIZE, REJECTED_LIFE_SECONDS, timer=clock.monotonic
        )

    def get(self, key: TokenKey) -> Vouched | Rejected | None:
        """The check that still stands; None when the auth service has to be asked."""
        try:
            # A library's `get` would look it up twice.
            entry = self._vouched[key]
        except KeyError:
            return self._rejected.get(key)
        if has_expired(entry.check.user, self._clock.now()):
            # The wall clock was set forward: the entry's own life is measured on the other one.
            self._vouched.pop(key, None)
            return Rejected()
        return entry.check

    def put(self, key: TokenKey, check: Vouched | Rejected) -> None:
        """Remembers `check` in place of an older one."""
        if isinstance(check, Rejected):
            self._vouched.pop(key, None)
            self._rejected[key] = check
            return
        self._rejected.pop(key, None)
        self._vouched[key] = _Remembered(check, self._life_seconds(check.user.expires_at))

    def _life_seconds(self, expires_at: datetime | None) -> float:
        if expires_at is None:
            return self._ttl_seconds
        return min(self._ttl_seconds, (expires_at - self._clock.now()).total_seconds())


def has_expired(user: User, now: datetime) -> bool:
    """Whether the token that vouched for `user` has ended at `now`; no tolerance for clocks that differ."""
    return user.expires_at is not None and user.expires_at <= now
