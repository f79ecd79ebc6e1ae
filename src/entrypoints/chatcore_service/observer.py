"""Implements the observer port: logs and counts the events of the core."""

import asyncio
from contextvars import Context

import structlog
from attrs import field, frozen

from chatcore.conversations.message import MessageId
from chatcore.ports import Clock, Observer
from chatcore.replies.lease import FinalState, Lease
from chatcore_service.metrics import Metrics

#: Delay before the start of a reply is logged. Writing the line takes as long as sending the request to the inference
#: service, and the request must not wait for the line.
START_SECONDS = 0.005

_log: structlog.stdlib.BoundLogger = structlog.get_logger("chatcore")


@frozen
class LoggingObserver(Observer):
    """Logs the events of the core and updates the metrics."""

    metrics: Metrics
    clock: Clock
    #: Starts that are not logged yet.
    _starts: dict[MessageId, "asyncio.Task[None]"] = field(factory=dict[MessageId, "asyncio.Task[None]"], init=False)

    def generation_started(self, lease: Lease, trace_id: str | None) -> None:
        """Logs and counts the start of a generation after `START_SECONDS`, or at its end if that comes first."""
        self._starts[lease.message_id] = asyncio.create_task(
            self._log_start_later(lease, trace_id), name="logging the start of a reply"
        )

    async def _log_start_later(self, lease: Lease, trace_id: str | None) -> None:
        await self.clock.sleep(START_SECONDS)
        del self._starts[lease.message_id]
        self._log_start(lease, trace_id)

    def _log_start(self, lease: Lease, trace_id: str | None) -> None:
        self.metrics.active_generations.inc()
        _log.info("a reply has begun", **_names(lease), trace_id=trace_id)

    def first_token(self, lease: Lease, seconds: float) -> None:  # noqa: ARG002 - the port's signature
        """Records the time until the first token."""
        self.metrics.first_token_seconds.observe(seconds)

    def generation_ended(self, lease: Lease, final_state: FinalState | None, trace_id: str | None) -> None:
        """Logs the final state of a generation, and updates the metrics."""
        self._stop_counting(lease, trace_id)
        status = "lost" if final_state is None else final_state.status.value
        self.metrics.generations.labels(status).inc()
        if final_state is not None:
            self.metrics.tokens.inc(final_state.token_count or 0)
            self.metrics.generation_seconds.observe((final_state.inference_time_ms or 0) / 1000)
        _log.info("a reply has ended", **_names(lease), trace_id=trace_id, **_outcome(final_state))

    def handed_over(self, lease: Lease, trace_id: str | None) -> None:
        """Logs and counts the hand-over of a reply to another process."""
        self._stop_counting(lease, trace_id)
        self.metrics.handed_over.inc()
        _log.info("a reply was handed over", **_names(lease), trace_id=trace_id)

    def _stop_counting(self, lease: Lease, trace_id: str | None) -> None:
        """Counts a generation no longer as active, and logs its start if that is not logged yet."""
        waiting = self._starts.pop(lease.message_id, None)
        if waiting is not None:
            waiting.cancel()
            self._log_start(lease, trace_id)
        self.metrics.active_generations.dec()

    def checkpointed(self, generations: int, seconds: float) -> None:
        """Records the size and the time of a checkpoint."""
        self.metrics.checkpoint_seconds.observe(seconds)
        self.metrics.checkpointed_generations.inc(generations)

    def changes_read(self, users: int, seconds: float) -> None:  # noqa: ARG002 - the port's signature
        """Records the time that a read of changes took."""
        self.metrics.changes_seconds.observe(seconds)

    def recovered(self, lease: Lease, final_state: FinalState) -> None:
        """Logs and counts the recovery of an orphaned reply."""
        self.metrics.recovered.inc()
        _log.warning("a reply was recovered", **_names(lease), epoch=lease.epoch, **_outcome(final_state))

    def resumed(self, lease: Lease) -> None:
        """Logs and counts the takeover of an orphaned reply."""
        self.metrics.resumed.inc()
        _log.warning("a reply was taken over", **_names(lease), epoch=lease.epoch)

    def failed(self, what: str, error: Exception) -> None:
        """Logs and counts a failure of background work."""
        self.metrics.background_failures.labels(what).inc()
        task = asyncio.current_task()
        # The context is empty, because work for all users may run in the context of the request that started the work.
        Context().run(_log.error, "background work failed", what=what, task=task and task.get_name(), exc_info=error)


def _names(lease: Lease) -> dict[str, str]:
    return {
        "user_id": lease.user_id,
        "conversation_id": str(lease.conversation_id),
        "message_id": str(lease.message_id),
    }


def _outcome(final_state: FinalState | None) -> dict[str, object]:
    if final_state is None:
        return {"status": "lost"}
    return {
        "status": final_state.status.value,
        "error": final_state.error and final_state.error.value,
        "tokens": final_state.token_count,
        "inference_time_ms": final_state.inference_time_ms,
    }
