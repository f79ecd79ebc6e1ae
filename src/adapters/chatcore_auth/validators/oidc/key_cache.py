"""Keeps the keys of an issuer, and fetches them when they are needed."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from cachetools import TTLCache

from chatcore.ports.clock import Clock
from chatcore_auth.token_check import Unusable
from chatcore_auth.validators.oidc.signing_keys import PublicKey, SigningKeys

#: Keys that are older are fetched again in the background, so that the keys that an issuer withdraws go.
REFRESH_SECONDS: Final = 300.0
#: The time from one fetch on behalf of an unknown key to the next: anybody can make up the id of a key.
UNKNOWN_KEY_SECONDS: Final = 60.0
#: The time from a failed fetch to the next one while there are no keys at all.
FIRST_FETCH_SECONDS: Final = 5.0

# The oldest one is forgotten first.
_MAX_ABSENT_KEYS: Final = 1024

_ASKED_LATELY: Final = Unusable("the issuer was asked for another key less than a minute ago")
_NOTHING_FETCHED: Final = Unusable("no keys were fetched yet")

_log: structlog.stdlib.BoundLogger = structlog.get_logger("chatcore_auth")


class KeyCache:
    """Finds the issuer's keys without a call, except for a key that is not known.

    A successful fetch replaces all keys. A fetch that fails changes nothing: the known keys remain in use for as long
    as the issuer cannot be asked. At most one fetch is in progress, and all callers wait for the same one.

    Args:
        fetch: fetches the keys; must end by itself and raise nothing.
        clock: the clock whose monotonic time measures the pauses.
        wait_seconds: the longest time for which a caller waits for a fetch, which continues without the caller.
    """

    def __init__(
        self, fetch: Callable[[], Awaitable[SigningKeys | Unusable]], clock: Clock, *, wait_seconds: float
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._wait_seconds = wait_seconds
        self._keys: SigningKeys | None = None
        #: The reason why the last fetch gave no keys; None if it gave some.
        self._failure: Unusable | None = _NOTHING_FETCHED
        #: The keys for which the issuer was asked lately, and which it does not have. Their tokens are bad for certain,
        #: while another key that is not known may be new.
        self._absent: TTLCache[tuple[str | None, str], None] = TTLCache(
            _MAX_ABSENT_KEYS, UNKNOWN_KEY_SECONDS, timer=clock.monotonic
        )
        self._fetching: asyncio.Task[None] | None = None
        self._refresh_at = 0.0
        self._search_at = 0.0

    async def close(self) -> None:
        """Cancels a fetch in progress."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.wait([self._fetching])

    async def find(self, key_id: str | None, algorithm: str) -> tuple[PublicKey, ...] | Unusable:
        """Returns the keys for a token's `kid` and `alg`; none if the issuer has said that there is no such key.

        The result is Unusable if the key is not known and the issuer could not be asked, or must not be asked yet.
        """
        found = self._known(key_id, algorithm)
        if found:
            self._refresh_if_old()
            return found
        if (key_id, algorithm) in self._absent:
            return ()
        unusable = await self._search()
        found = self._known(key_id, algorithm)
        if not found and unusable is None:
            self._absent[key_id, algorithm] = None
        return found or unusable or ()

    async def probe(self) -> Unusable | None:
        """Returns None if there are keys, else the reason why there are none."""
        if self._keys is not None:
            self._refresh_if_old()
            return None
        return await self._search()

    def _known(self, key_id: str | None, algorithm: str) -> tuple[PublicKey, ...]:
        return () if self._keys is None else self._keys.find(key_id, algorithm)

    def _refresh_if_old(self) -> None:
        now = self._clock.monotonic()
        if self._fetching is None and now >= self._refresh_at:
            # An issuer that is down is asked again after as long a pause as on behalf of an unknown key.
            self._refresh_at = now + UNKNOWN_KEY_SECONDS
            self._start()

    async def _search(self) -> Unusable | None:
        """Waits for the fetch in progress, or for a new one if one is due; returns why there is no answer from now."""
        fetching = self._fetching or self._start_if_due()
        if fetching is None:
            return self._failure or _ASKED_LATELY
        await asyncio.wait([fetching], timeout=self._wait_seconds)
        return self._failure if fetching.done() else Unusable("no answer in time")

    def _start_if_due(self) -> "asyncio.Task[None] | None":
        now = self._clock.monotonic()
        if now < self._search_at:
            return None
        self._search_at = now + UNKNOWN_KEY_SECONDS
        return self._start()

    def _start(self) -> "asyncio.Task[None]":
        self._fetching = asyncio.create_task(self._fetch_once(), name="fetching the issuer's keys")
        return self._fetching

    async def _fetch_once(self) -> None:
        try:
            self._take(await self._fetch())
        except Exception as bug:  # noqa: BLE001 - no code awaits the result of this task, so the error would be lost
            _log.error("fetching the issuer's keys failed unexpectedly", exc_info=bug)
            self._take(Unusable("an unexpected error", bug))
        finally:
            self._fetching = None

    def _take(self, fetched: SigningKeys | Unusable) -> None:
        now = self._clock.monotonic()
        if self._keys is None:
            # The first fetch is not on behalf of an unknown key.
            self._search_at = now + (FIRST_FETCH_SECONDS if isinstance(fetched, Unusable) else 0)
        if isinstance(fetched, Unusable):
            self._failure = fetched
            _log.warning("the issuer gave no keys", reason=fetched.reason, known_keys=len(self._keys or ()))
            return
        if self._failure not in (None, _NOTHING_FETCHED):
            _log.info("the issuer gives keys again")
        self._keys, self._failure = fetched, None
        self._refresh_at = now + REFRESH_SECONDS
