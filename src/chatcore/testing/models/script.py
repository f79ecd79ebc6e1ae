"""Defines the protocol by which the models contract controls an inference service."""

from collections.abc import Sequence
from typing import Protocol

from attrs import frozen

from chatcore.ports.models import ModelsDocument


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
    """Controls the answers of an inference service about models; the service is a fake or a server on loopback.

    Initially the service can be reached. Each command holds from then on and replaces the one before.
    """

    def answer_with(self, document: ModelsDocument) -> None:
        """Makes the service answer every request about models with `document`, its media type and its status."""
        ...

    def refuse_with(self, document: ModelsDocument) -> None:
        """Makes the service refuse every request about models, with a document whose status is an error."""
        ...

    def fall_silent(self) -> None:
        """Makes the service accept every request and answer none."""
        ...

    async def go_away(self) -> None:
        """Makes every connection fail."""
        ...

    @property
    def seen(self) -> Sequence[SeenModels | SeenSwap]:
        """Returns every request about models that came in, oldest first."""
        ...
