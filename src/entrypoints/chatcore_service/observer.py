"""The observer port: what the core reports becomes log lines and figures."""

import asyncio
from contextvars import Context

import structlog
from attrs import frozen

from chatcore.lease import Ending, Lease
from chatcore.ports import Observer
from chatcore_service.metrics import Metrics

_log: structlog.stdlib.BoundLogger = structlog.get_logger("chatcore")


@frozen
class LoggingObserver(Observer):
    """Writes logs and counts."""

    metrics: Metrics

    def generation_started(self, lease: Lease, trace_id: str | None) -> None:
        """See :meth:`chatcore.ports.Observer.generation_started`."""
        self.metrics.active_generations.inc()
        _log.info("a reply has begun", **_names(lease), trace_id=trace_id)

    def first_token(self, lease: Lease, seconds: float) -> None:  # noqa: ARG002 - the port's signature
        """See :meth:`chatcore.ports.Observer.first_token`."""
        self.metrics.first_token_seconds.observe(seconds)

    def generation_ended(self, lease: Lease, ending: Ending | None, trace_id: str | None) -> None:
        """See :meth:`chatcore.ports.Observer.generation_ended`."""
        self.metrics.active_generations.dec()
        status = "lost" if ending is None else ending.status.value
        self.metrics.generations.labels(status).inc()
        if ending is not None:
            self.metrics.tokens.inc(ending.token_count or 0)
            self.metrics.generation_seconds.observe((ending.inference_time_ms or 0) / 1000)
        _log.info("a reply has ended", **_names(lease), trace_id=trace_id, **_figures(ending))

    def checkpointed(self, generations: int, seconds: float) -> None:
        """See :meth:`chatcore.ports.Observer.checkpointed`."""
        self.metrics.checkpoint_seconds.observe(seconds)
        self.metrics.checkpointed_generations.inc(generations)

    def rescued(self, lease: Lease, ending: Ending) -> None:
        """See :meth:`chatcore.ports.Observer.rescued`."""
        self.metrics.rescued.inc()
        _log.warning("a reply was rescued", **_names(lease), epoch=lease.epoch, **_figures(ending))

    def failed(self, what: str, error: Exception) -> None:
        """See :meth:`chatcore.ports.Observer.failed`."""
        self.metrics.background_failures.labels(what).inc()
        task = asyncio.current_task()
        # Work for all users may run in the context of the request that happened to start it.
        Context().run(_log.error, "background work failed", what=what, task=task and task.get_name(), exc_info=error)


def _names(lease: Lease) -> dict[str, str]:
    return {
        "user_id": lease.user_id,
        "conversation_id": str(lease.conversation_id),
        "message_id": str(lease.message_id),
    }


def _figures(ending: Ending | None) -> dict[str, object]:
    if ending is None:
        return {"status": "lost"}
    return {
        "status": ending.status.value,
        "error": ending.error and ending.error.value,
        "tokens": ending.token_count,
        "inference_time_ms": ending.inference_time_ms,
    }
