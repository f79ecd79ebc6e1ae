"""Implements the auth port over any validator."""

from functools import partial
from typing import Self, assert_never

from chatcore.errors import AuthKeyRefusedError, AuthUnavailableError, NotAuthenticatedError
from chatcore.ports.auth import Auth
from chatcore.ports.clock import Clock
from chatcore.user import User
from chatcore_auth.cache import TokenCheckCache
from chatcore_auth.single_flight import FlightAbortedError, SingleFlight
from chatcore_auth.token_check import Rejected, TokenCheck, Unusable, Vouched
from chatcore_auth.token_key import TokenKey, token_key
from chatcore_auth.validators.validator import Validator


class CachedAuth(Auth):
    """Validates each token once and caches the result; concurrent requests with the same token share one validation.

    The class fails closed: without a usable answer, access is refused. Unusable answers are not cached.

    The constructor does no I/O. Call `open()` in the event loop that will use the object, or use the object there as an
    async context manager.

    Args:
        validator: the validator of the tokens that are not cached; it is closed together with this object.
        clock: the clock that measures the cache's TTLs and the tokens' expiry.
        ttl_seconds: the longest time for which a user is cached; never beyond 300 s or the token's expiry.
        max_size: the number of users that are cached.
    """

    def __init__(self, validator: Validator, clock: Clock, *, ttl_seconds: float = 300.0, max_size: int = 1024) -> None:
        self._validator = validator
        self._clock = clock
        self._cache = TokenCheckCache(clock, ttl_seconds=ttl_seconds, max_size=max_size)
        self._flights = SingleFlight[TokenKey, TokenCheck]()
        self._is_open = False

    async def open(self) -> None:
        """Allows requests; connections are made when they are needed."""
        self._is_open = True

    async def close(self) -> None:
        """Cancels running validations, whose callers get AuthUnavailableError, and closes the validator.

        A closed object cannot be opened again.
        """
        self._is_open = False
        await self._flights.abort()
        await self._validator.close()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def authenticate(self, token: str, *, trace_id: str | None = None, is_fresh: bool = False) -> User:
        """Returns the user of `token`, as :meth:`chatcore.ports.Auth.authenticate` says; rejects over 16 KiB."""
        key = token_key(token)
        if key is None:
            raise NotAuthenticatedError
        cached = None if is_fresh else self._cache.get(key)
        check = cached or await self._validate_once(key, token, trace_id)
        match check:
            case Vouched():
                return check.user
            case Rejected():
                raise NotAuthenticatedError
            case Unusable():
                raise _error_of(check) from check.cause
            case _:
                assert_never(check)

    def cached_user(self, token: str) -> User | None:
        """Returns the user of `token` if the user is cached, as :meth:`chatcore.ports.Auth.cached_user` says."""
        key = token_key(token)
        check = None if key is None else self._cache.get(key)
        return check.user if isinstance(check, Vouched) else None

    async def ping(self) -> None:
        """Returns when the auth service answers and accepts our key, as :meth:`chatcore.ports.Auth.ping` says."""
        self._require_open()
        problem = await self._validator.probe()
        if problem is not None:
            raise _error_of(problem) from problem.cause

    async def _validate_once(self, key: TokenKey, token: str, trace_id: str | None) -> TokenCheck:
        self._require_open()
        try:
            return await self._flights.run(key, partial(self._validate, key, token, trace_id))
        except FlightAbortedError as error:
            return Unusable("the auth client is closing", error)

    async def _validate(self, key: TokenKey, token: str, trace_id: str | None) -> TokenCheck:
        check = await self._validator.validate(token, trace_id)
        if isinstance(check, Vouched) and check.user.has_expired(self._clock.now()):
            check = Rejected()
        if not isinstance(check, Unusable):
            self._cache.put(key, check)
        return check

    def _require_open(self) -> None:
        if not self._is_open:
            raise RuntimeError("the auth client is not open")


def _error_of(check: Unusable) -> AuthUnavailableError:
    return AuthKeyRefusedError() if check.is_our_fault else AuthUnavailableError()
