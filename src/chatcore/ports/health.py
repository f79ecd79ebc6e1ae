"""Defines the health check that every port to a remote service has."""

from typing import Protocol


class Pingable(Protocol):
    """Checks whether the service behind a port answers."""

    async def ping(self) -> None:
        """Returns when the service answers.

        Raises:
            UnavailableError: the service did not answer within a few seconds. Each port names the subclass.
        """
        ...
