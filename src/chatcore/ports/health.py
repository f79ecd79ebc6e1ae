"""The part that every port to a remote service has: a health check."""

from typing import Protocol


class Pingable(Protocol):
    """Can be asked whether the service behind it answers."""

    async def ping(self) -> None:
        """Returns when the service answers.

        Raises:
            UnavailableError: the service did not answer within a few seconds. Each port names the subclass.
        """
        ...
