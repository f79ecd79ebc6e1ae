"""The figures of this service, for Prometheus."""

import os
from collections.abc import Mapping
from functools import cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

EXPOSITION_MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

#: Where the workers of one service share their figures; prometheus_client reads it by itself when it is imported.
MULTIPROCESS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"

#: What stands for a method or a route that there is none of.
UNKNOWN = "unknown"

_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_SLOW = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0)


class Metrics:
    """All figures. No label can take values that a caller chooses."""

    def __init__(self) -> None:
        # A series for when each other series began doubles the page, and nobody asks for it.
        disable_created_metrics()  # type: ignore[no-untyped-call] # typed in parts
        # Of its own, so that two services can live in one process, as they do in tests.
        registry = self._registry = CollectorRegistry()
        self.requests = Counter(
            "chatcore_http_requests", "Requests answered.", ("method", "route", "status"), registry=registry
        )
        self.response_seconds = Histogram(
            "chatcore_http_response_seconds",
            "From a request to the first byte of its response.",
            ("route",),
            buckets=_FAST,
            registry=registry,
        )
        self.open_streams = Gauge(
            "chatcore_open_streams", "Streams that are being read.", multiprocess_mode="livesum", registry=registry
        )
        self.active_generations = Gauge(
            "chatcore_active_generations", "Replies in the making.", multiprocess_mode="livesum", registry=registry
        )
        self.generations = Counter(
            "chatcore_generations", "Replies that have ended, by their status.", ("status",), registry=registry
        )
        self.generation_seconds = Histogram(
            "chatcore_generation_seconds",
            "From the call to the inference service to its end.",
            buckets=_SLOW,
            registry=registry,
        )
        self.first_token_seconds = Histogram(
            "chatcore_first_token_seconds",
            "From the call to the inference service to the first token.",
            buckets=_SLOW,
            registry=registry,
        )
        self.tokens = Counter("chatcore_tokens", "Tokens of replies that have ended.", registry=registry)
        self.checkpoint_seconds = Histogram(
            "chatcore_checkpoint_seconds", "How long checkpoints took.", buckets=_FAST, registry=registry
        )
        self.checkpointed_generations = Counter(
            "chatcore_checkpointed_generations", "Replies that went along with checkpoints.", registry=registry
        )
        self.rescued = Counter("chatcore_rescued_generations", "Replies of dead processes ended.", registry=registry)
        self.background_failures = Counter(
            "chatcore_background_failures",
            "Background work that failed, by what it was.",
            ("what",),
            registry=registry,
        )
        self._pools = Gauge(
            "chatcore_database_pool",
            "The figures of the database pools, as psycopg names them.",
            ("pool", "figure"),
            multiprocess_mode="livesum",
            registry=registry,
        )
        # To find the series of a set of labels costs more than to add to it.
        self._answered = cache(self._series_of_answers)

    def count_answer(self, method: str, route: str, status: int, seconds: float) -> None:
        """One more request was answered, and so long it took until its first byte."""
        requests, response_seconds = self._answered(method, route, status)
        requests.inc()
        response_seconds.observe(seconds)

    def count_refusal(self, status: int) -> None:
        """One more answer was given to what never became a request."""
        self.requests.labels(UNKNOWN, UNKNOWN, str(status)).inc()

    def _series_of_answers(self, method: str, route: str, status: int) -> tuple[Counter, Histogram]:
        return self.requests.labels(method, route, str(status)), self.response_seconds.labels(route)

    def show_pools(self, stats: Mapping[str, Mapping[str, int]]) -> None:
        """Takes over the present figures of the database pools."""
        for pool, figures in stats.items():
            for figure, value in figures.items():
                self._pools.labels(pool, figure).set(value)

    def exposition(self) -> bytes:
        """All figures as text: of this process, or of all workers where there are several."""
        if MULTIPROCESS_VARIABLE not in os.environ:
            return generate_latest(self._registry)
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call] # the library is typed in parts
        return generate_latest(registry)
