"""The observer port: what the core reports besides its return values."""

from typing import Protocol

from chatcore.replies.lease import FinalState, Lease


class Observer(Protocol):
    """Is told what happens in the background, for logs and metrics. Must not block and must not raise."""

    def generation_started(self, lease: Lease, trace_id: str | None) -> None:
        """A reply has begun in this process; its first token waits for whatever is done here."""
        ...

    def first_token(self, lease: Lease, seconds: float) -> None:
        """The first frame that carries a token came `seconds` after the inference call."""
        ...

    def generation_ended(self, lease: Lease, final_state: FinalState | None, trace_id: str | None) -> None:
        """A reply has ended in this process; None when it was lost, by a deletion or another process, or is left over.

        What is left over has an end that could not be stored here; it will be rescued.
        """
        ...

    def checkpointed(self, generations: int, seconds: float) -> None:
        """A checkpoint for so many replies took so long."""
        ...

    def recovered(self, lease: Lease, final_state: FinalState) -> None:
        """A reply whose owner is gone was brought to its end here."""
        ...

    def failed(self, what: str, error: Exception) -> None:
        """Work in the background failed, which is tried again where that can help; `what` names it in a few words."""
        ...


class NullObserver(Observer):
    """Hears nothing."""

    def generation_started(self, lease: Lease, trace_id: str | None) -> None:
        """Does nothing."""

    def first_token(self, lease: Lease, seconds: float) -> None:
        """Does nothing."""

    def generation_ended(self, lease: Lease, final_state: FinalState | None, trace_id: str | None) -> None:
        """Does nothing."""

    def checkpointed(self, generations: int, seconds: float) -> None:
        """Does nothing."""

    def recovered(self, lease: Lease, final_state: FinalState) -> None:
        """Does nothing."""

    def failed(self, what: str, error: Exception) -> None:
        """Does nothing."""
