"""States what the models contract makes an inference service do."""

from collections.abc import Sequence
from typing import Protocol

from attrs import frozen


@frozen
class SeenModels:
    """A request for the list of models, as the service saw it."""

    trace_id: str | None


@frozen
class SeenSwap:
    """A request to load another model, as the service saw it."""

    model_tag: str
    trace_id: str | None


class ModelsScript(Protocol):
    """An inference service whose answers about models a test decides: a fake's own switches, or a server on loopback.

    Until told otherwise the service can be reached. Each command holds from then on and replaces the one before.
    """

    def answer_with(self, document: bytes) -> None:
        """Makes the service answer every request about models with this document."""
        ...

    def refuse_with(self, document: bytes) -> None:
        """Makes the service refuse every request about models, with this document."""
        ...

    def fall_silent(self) -> None:
        """Makes the service take every request and answer none."""
        ...

    async def go_away(self) -> None:
        """Makes every connection fail."""
        ...

    @property
    def seen(self) -> Sequence[SeenModels | SeenSwap]:
        """Every request about models that came in, oldest first."""
        ...
