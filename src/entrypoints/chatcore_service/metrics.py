"""Counts and exposes the Prometheus metrics of the service."""

import os
from collections.abc import Mapping
from functools import cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

EXPOSITION_MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

#: The variable that names the folder through which the workers share their metrics. prometheus_client reads the
#: variable at its import.
MULTIPROCESS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"

#: Label value of a missing method or route.
UNKNOWN = "unknown"

# The names and labels of the requests' metrics are those that common dashboards expect.
_REQUEST_LABELS = ("method", "route", "status")

_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_SLOW = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0)


class Metrics:
    """Holds all metrics. No label can take a value that a caller chooses."""

    def __init__(self) -> None:
        # The creation times of the series would double the size of the page, and have no use.
        disable_created_metrics()  # type: ignore[no-untyped-call] # partly typed
        # The registry is not the global one, so that two services can run in one process, as in tests.
        registry = self._registry = CollectorRegistry()
        self.requests = Counter("http_requests", "Requests answered.", _REQUEST_LABELS, registry=registry)
        self.request_seconds = Histogram(
            "http_request_duration_seconds",
            "Seconds from a request to the first byte of its response; a stream stays open for longer.",
            _REQUEST_LABELS,
            buckets=_FAST,
            registry=registry,
        )
        self.requests_in_progress = Gauge(
            "chatcore_requests_in_progress",
            "Requests of authenticated users that are in progress, without open event streams.",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self.buffered_bytes = Gauge(
            "chatcore_buffered_bytes",
            "Bytes of bodies that are not decoded and of responses that are not sent.",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self.refused_by_limits = Counter(
            "chatcore_requests_refused_by_limits",
            "Requests refused by a limit of a user or of the process, by the code of the problem document.",
            ("code",),
            registry=registry,
        )
        self.open_streams = Gauge(
            "chatcore_open_streams", "Event streams that are open.", multiprocess_mode="livesum", registry=registry
        )
        self.open_feeds = Gauge(
            "chatcore_open_feeds", "Feeds of changes that are open.", multiprocess_mode="livesum", registry=registry
        )
        self.changes_seconds = Histogram(
            "chatcore_changes_seconds",
            "Seconds that a read of changes for all open feeds took.",
            buckets=_FAST,
            registry=registry,
        )
        self.active_generations = Gauge(
            "chatcore_active_generations",
            "Replies that are being generated.",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self.generations = Counter(
            "chatcore_generations", "Replies that have ended, by status.", ("status",), registry=registry
        )
        self.generation_seconds = Histogram(
            "chatcore_generation_seconds",
            "Seconds from the request to the inference service to the end of the reply.",
            buckets=_SLOW,
            registry=registry,
        )
        self.first_token_seconds = Histogram(
            "chatcore_first_token_seconds",
            "Seconds from the request to the inference service to the first token of the reply.",
            buckets=_SLOW,
            registry=registry,
        )
        self.tokens = Counter("chatcore_tokens", "Tokens in replies that have ended.", registry=registry)
        self.checkpoint_seconds = Histogram(
            "chatcore_checkpoint_seconds", "Seconds that checkpoints took.", buckets=_FAST, registry=registry
        )
        self.checkpointed_generations = Counter(
            "chatcore_checkpointed_generations",
            "Replies stored by checkpoints; each counts once per checkpoint.",
            registry=registry,
        )
        self.resumed = Counter(
            "chatcore_resumed_generations",
            "Replies that were taken over from a process that died or drained, and went on.",
            registry=registry,
        )
        self.handed_over = Counter(
            "chatcore_handed_over_generations",
            "Replies that were given up while the process drained, for another one to go on with.",
            registry=registry,
        )
        self.recovered = Counter(
            "chatcore_rescued_generations", "Orphaned replies that were recovered.", registry=registry
        )
        self.background_failures = Counter(
            "chatcore_background_failures",
            "Failures of background work, by kind of work.",
            ("what",),
            registry=registry,
        )
        self._pools = Gauge(
            "chatcore_database_pool",
            "Statistics of the database connection pools, by psycopg's names.",
            ("pool", "figure"),
            multiprocess_mode="livesum",
            registry=registry,
        )
        self._dropped_lines = Counter(
            "chatcore_log_lines_dropped",
            "Log lines dropped because standard output took them too slowly or not at all.",
            registry=registry,
        )
        self._dropped_before = 0
        # The lookup of the series of a set of labels costs more than the increment.
        self._answered = cache(self._series_of_answers)

    def count_answer(self, method: str, route: str, status: int, seconds: float) -> None:
        """Counts a response to a request, and the seconds until its first byte."""
        requests, request_seconds = self._answered(method, route, status)
        requests.inc()
        request_seconds.observe(seconds)

    def count_refusal(self, status: int) -> None:
        """Counts a response that was sent before a request was parsed."""
        self.requests.labels(UNKNOWN, UNKNOWN, str(status)).inc()

    def _series_of_answers(self, method: str, route: str, status: int) -> tuple[Counter, Histogram]:
        labels = (method, route, str(status))
        return self.requests.labels(*labels), self.request_seconds.labels(*labels)

    def show_pools(self, stats: Mapping[str, Mapping[str, int]]) -> None:
        """Sets the statistics of the database connection pools."""
        for pool, values in stats.items():
            for figure, value in values.items():
                self._pools.labels(pool, figure).set(value)

    def show_dropped_lines(self, total: int) -> None:
        """Sets how many log lines this process has dropped so far."""
        self._dropped_lines.inc(total - self._dropped_before)
        self._dropped_before = total

    def exposition(self) -> bytes:
        """Returns all metrics as text, summed up over the workers if there are several."""
        if MULTIPROCESS_VARIABLE not in os.environ:
            return generate_latest(self._registry)
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call] # partly typed
        return generate_latest(registry)
