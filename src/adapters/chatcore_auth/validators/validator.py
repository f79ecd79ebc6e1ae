"""Defines the protocol that every way to validate tokens implements."""

from typing import Protocol

from chatcore_auth.token_check import TokenCheck, Unusable


class Validator(Protocol):
    """Validates tokens; caching, bounds and the circuit breaker are built around a validator.

    Methods return failures as values and do not raise. A call ends by itself in a bounded time: callers stop waiting at
    their deadline, but a call is cancelled only before the validator is closed.
    """

    #: The subject of the log's sentences about this validator, such as `the auth service`.
    name: str

    async def validate(self, token: str, trace_id: str | None) -> TokenCheck:
        """Returns the user of `token`, or the reason why there is none.

        Args:
            token: the token, any text of 1 to 16,384 bytes of UTF-8.
            trace_id: the id that identifies the request in the logs of the services involved.
        """
        ...

    async def probe(self) -> Unusable | None:
        """Returns None if `validate` would get usable answers now, else the reason why not.

        A probe involves no user, and uses our own credentials as `validate` does.
        """
        ...

    async def close(self) -> None:
        """Releases all connections. A closed validator cannot be used again."""
        ...
