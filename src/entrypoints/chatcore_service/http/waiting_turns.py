"""Refuses turns while as many turns wait to begin as this process can begin in time.

Without a limit, each turn would wait behind all turns before it. Under more load than the process can bear, the wait
would grow until every caller has given up, and the process would work for nobody.
"""

from collections.abc import Generator
from contextlib import contextmanager

from chatcore_service.http.refusals import OverloadedError
from chatcore_service.metrics import Metrics


class WaitingTurns:
    """Counts the turns that wait to begin, and refuses further ones beyond a limit.

    A turn waits while its caller is authenticated and while it is stored, but not while its body arrives. So slow
    callers take no place.

    Args:
        most: the number of waiting turns from which further ones are refused.
        metrics: the metrics that count refusals.
    """

    def __init__(self, most: int, metrics: Metrics) -> None:
        self._most = most
        self._metrics = metrics
        self._count = 0

    @contextmanager
    def entering(self) -> Generator[None]:
        """Counts a new turn as waiting for the duration of the block.

        Raises:
            OverloadedError: as many turns wait as may.
        """
        if self._count >= self._most:
            self._metrics.refused_by_limits.labels(OverloadedError.code).inc()
            raise OverloadedError
        with self.counted():
            yield

    @contextmanager
    def counted(self) -> Generator[None]:
        """Counts a turn that has entered as waiting for the duration of the block, even beyond the limit.

        The turn is not refused any more, because a refusal would waste the work that was done for it.
        """
        self._count += 1
        try:
            yield
        finally:
            self._count -= 1
