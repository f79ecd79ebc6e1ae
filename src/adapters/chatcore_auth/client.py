"""The auth port over HTTP, behind a cache."""

from functools import partial
from typing import Self, assert_never

import httpx

from chatcore.errors import AuthUnavailableError, NotAuthenticatedError
from chatcore.ports.auth import Auth
from chatcore.ports.clock import Clock
from chatcore.user import User
from chatcore_auth.cache import TokenCheckCache, has_expired
from chatcore_auth.guarded_validator import GuardedUpstream
from chatcore_auth.single_flight import FlightAbortedError, SingleFlight
from chatcore_auth.token_key import TokenKey, token_key
from chatcore_auth.validators.service.answer import Rejected, TokenCheck, Unusable, Vouched
from chatcore_auth.validators.service.upstream import AuthUpstream

# A caller is told of a timeout just before the time is over, not just after it.
_SHARE_OF_TIMEOUT = 0.975
_SHARE_TO_CONNECT = 0.9

# One connection beyond those of the calls, so that a readiness check need not queue behind them.
_CONNECTIONS_FOR_PING = 1


class AuthClient(Auth):
    """Asks the auth service whose token it is; remembers the answers; fails closed.

    Made closed: `open()` it, or use it as an async context manager, in the event loop that will use it.

    Args:
        base_url: of the auth service, such as ``http://auth:8001``.
        internal_api_key: the key that proves us to it; several, separated by commas, while it is being changed.
        clock: for the life of what is remembered and for the tokens' expiry.
        ttl_seconds: how long a user is remembered at most; never beyond 300 s or the token's expiry.
        max_size: how many users are remembered.
        timeout_seconds: how long one `authenticate` takes at most, waiting for a turn included.
        max_concurrent_calls: calls under way at once; more wait for their turn within the same timeout.
        failures_to_open: calls in a row that find the service away until callers are refused without one.
        pause_seconds: how long they are, until one call probes again.
        transport: in place of the network, for tests.
    """

    def __init__(  # noqa: PLR0913 - a setting each, all but three with a default
        self,
        base_url: str,
        internal_api_key: str,
        clock: Clock,
        *,
        ttl_seconds: float = 300.0,
        max_size: int = 1024,
        timeout_seconds: float = 2.0,
        max_concurrent_calls: int = 64,
        failures_to_open: int = 5,
        pause_seconds: float = 2.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._clock = clock
        self._cache = TokenCheckCache(clock, ttl_seconds=ttl_seconds, max_size=max_size)
        self._flights = SingleFlight[TokenKey, TokenCheck]()
        self._upstream = GuardedUpstream(
            AuthUpstream(
                base_url,
                internal_api_key,
                max_connections=max_concurrent_calls + _CONNECTIONS_FOR_PING,
                connect_timeout_seconds=timeout_seconds * _SHARE_TO_CONNECT,
                transport=transport,
            ),
            clock,
            budget_seconds=timeout_seconds * _SHARE_OF_TIMEOUT,
            max_concurrent_calls=max_concurrent_calls,
            failures_to_open=failures_to_open,
            pause_seconds=pause_seconds,
        )
        self._is_open = False

    async def open(self) -> None:
        """Makes the client usable; connections are made when they are needed."""
        self._is_open = True

    async def close(self) -> None:
        """Gives up calls under way (who waits for one gets AuthUnavailableError) and closes all connections.

        A closed client cannot be opened again.
        """
        self._is_open = False
        await self._flights.abort()
        await self._upstream.close()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def authenticate(self, token: str, *, trace_id: str | None = None) -> User:
        """See :meth:`chatcore.ports.Auth.authenticate`; a token of more than 16 KiB is nobody's."""
        key = token_key(token)
        if key is None:
            raise NotAuthenticatedError
        check = self._cache.get(key) or await self._ask_once(key, token, trace_id)
        match check:
            case Vouched():
                return check.user
            case Rejected():
                raise NotAuthenticatedError
            case Unusable():
                raise AuthUnavailableError from check.cause
            case _:
                assert_never(check)

    async def ping(self) -> None:
        """See :meth:`chatcore.ports.Auth.ping`."""
        self._require_open()
        if not await self._upstream.is_reachable():
            raise AuthUnavailableError

    async def _ask_once(self, key: TokenKey, token: str, trace_id: str | None) -> TokenCheck:
        self._require_open()
        try:
            return await self._flights.run(key, partial(self._ask, key, token, trace_id))
        except FlightAbortedError as error:
            return Unusable("the client is closing", error)

    async def _ask(self, key: TokenKey, token: str, trace_id: str | None) -> TokenCheck:
        check = await self._upstream.validate(token, trace_id)
        if isinstance(check, Vouched) and has_expired(check.user, self._clock.now()):
            check = Rejected()
        if not isinstance(check, Unusable):
            self._cache.put(key, check)
        return check

    def _require_open(self) -> None:
        if not self._is_open:
            raise RuntimeError("the auth client is not open")
