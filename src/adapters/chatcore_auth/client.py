"""Composes the auth port for the auth service."""

from collections.abc import Iterable

import httpx

from chatcore.ports.clock import Clock
from chatcore_auth.cached_auth import CachedAuth
from chatcore_auth.guarded_validator import GuardedValidator
from chatcore_auth.named_administrators import NamedAdministrators
from chatcore_auth.validators.service.service_validator import ServiceValidator

# The deadline of a call ends a little before the caller's timeout, so that the caller gets an answer in time.
_DEADLINE_SHARE = 0.975
# A call that fails does so before the deadline, so that the log says why.
_CALL_SHARE = 0.95


class AuthClient(CachedAuth):
    """Validates tokens with the auth service, behind the cache and the circuit breaker.

    Args:
        base_url: the auth service's address, such as ``http://auth:8001``.
        internal_api_key: the key that identifies us to the auth service; during a key rotation several keys, separated
            by commas.
        clock: the clock that measures the cache's TTLs, the tokens' expiry and the circuit breaker's pauses.
        ttl_seconds: the longest time for which a user is cached; never beyond 300 s or the token's expiry.
        max_size: the number of users that are cached.
        timeout_seconds: the longest time that `authenticate` takes, including the wait for a free slot.
        max_concurrent_calls: the number of calls that may begin at once; further calls wait within the same timeout.
        failures_to_doubt: the number of different tokens on which the service must fail in a row before a probe decides
            whether the service is down.
        pause_seconds: the time for which new callers are refused after a failed probe, and callers with a token on
            which the service keeps failing.
        admin_emails: the e-mail addresses of further administrators, besides those whom the auth service reports.
        admin_user_ids: the ids of further administrators.
        transport: the transport that replaces the network in tests.
    """

    def __init__(  # noqa: PLR0913 - each argument is a setting, and all but three have a default
        self,
        base_url: str,
        internal_api_key: str,
        clock: Clock,
        *,
        ttl_seconds: float = 300.0,
        max_size: int = 1024,
        timeout_seconds: float = 2.0,
        max_concurrent_calls: int = 64,
        failures_to_doubt: int = 5,
        pause_seconds: float = 2.0,
        admin_emails: Iterable[str] = (),
        admin_user_ids: Iterable[str] = (),
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        service = ServiceValidator(
            base_url,
            internal_api_key,
            max_idle_connections=max_concurrent_calls,
            timeout_seconds=timeout_seconds * _CALL_SHARE,
            transport=transport,
        )
        guarded = GuardedValidator(
            service,
            clock,
            deadline_seconds=timeout_seconds * _DEADLINE_SHARE,
            max_concurrent_calls=max_concurrent_calls,
            failures_to_doubt=failures_to_doubt,
            pause_seconds=pause_seconds,
        )
        administrators = NamedAdministrators(guarded, emails=admin_emails, user_ids=admin_user_ids)
        super().__init__(administrators, clock, ttl_seconds=ttl_seconds, max_size=max_size)
