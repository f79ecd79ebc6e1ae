"""Defines the observer port, to which the core reports events for logs and metrics."""

from typing import Protocol

from chatcore.replies.lease import FinalState, Lease


class Observer(Protocol):
    """Receives the events of background work. Its methods must neither block nor raise."""

    def generation_started(self, lease: Lease, trace_id: str | None) -> None:
        """Reports that this process starts a reply. The first token is delayed until the method returns."""
        ...

    def first_token(self, lease: Lease, seconds: float) -> None:
        """Reports the first frame that has a token, which arrived `seconds` after the inference call."""
        ...

    def generation_ended(self, lease: Lease, final_state: FinalState | None, trace_id: str | None) -> None:
        """Reports that a reply has ended in this process.

        `final_state` is None if this process stored none: the reply was deleted, another process took it over, or its
        final state could not be written. In the last case the reply is orphaned, and recovery will take it over.
        """
        ...

    def handed_over(self, lease: Lease, trace_id: str | None) -> None:
        """Reports that this process, which drains, has given up a reply that another process goes on with.

        The event stands in place of :meth:`generation_ended`.
        """
        ...

    def checkpointed(self, generations: int, seconds: float) -> None:
        """Reports a checkpoint of that many generations, which took `seconds`."""
        ...

    def recovered(self, lease: Lease, final_state: FinalState) -> None:
        """Reports that this process has finished an orphaned reply."""
        ...

    def resumed(self, lease: Lease) -> None:
        """Reports that this process has taken an orphaned reply over and goes on with it."""
        ...

    def changes_read(self, users: int, seconds: float) -> None:
        """Reports a read of the changes for the feeds of that many users, which took `seconds`."""
        ...

    def failed(self, what: str, error: Exception) -> None:
        """Reports that the background work named `what` failed. The work is retried where a retry can help."""
        ...


class NullObserver(Observer):
    """Ignores all events."""

    def generation_started(self, lease: Lease, trace_id: str | None) -> None:
        """Does nothing."""

    def first_token(self, lease: Lease, seconds: float) -> None:
        """Does nothing."""

    def generation_ended(self, lease: Lease, final_state: FinalState | None, trace_id: str | None) -> None:
        """Does nothing."""

    def handed_over(self, lease: Lease, trace_id: str | None) -> None:
        """Does nothing."""

    def checkpointed(self, generations: int, seconds: float) -> None:
        """Does nothing."""

    def recovered(self, lease: Lease, final_state: FinalState) -> None:
        """Does nothing."""

    def resumed(self, lease: Lease) -> None:
        """Does nothing."""

    def changes_read(self, users: int, seconds: float) -> None:
        """Does nothing."""

    def failed(self, what: str, error: Exception) -> None:
        """Does nothing."""
