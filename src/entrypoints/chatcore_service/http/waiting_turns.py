"""Refuses turns while as many turns wait to begin as this process can begin in time.

Without a limit, each turn would wait behind all turns before it. Under more load than the process can bear, the wait
would grow until every caller has given up, and the process would work for nobody.
"""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager

from chatcore_service.http.refusals import OverloadedError
from chatcore_service.metrics import Metrics

#: The longest time for which a turn takes a place.
PLACE_SECONDS = 0.5


class WaitingTurns:
    """Counts the turns that wait to begin, and refuses further ones beyond a limit.

    A turn waits while it is stored, but neither while its body arrives nor while its caller is authenticated: slow and
    unknown callers take no place. A turn that takes longer than PLACE_SECONDS waits for something else than this
    process, such as the end of the reply that it interrupts, and takes no place any more.

    Args:
        most: the number of waiting turns from which further ones are refused.
        metrics: the metrics that count refusals.
    """

    def __init__(self, most: int, metrics: Metrics) -> None:
        self._most = most
        self._metrics = metrics
        self._places = set[object]()

    def require_place(self) -> None:
        """Checks that a new turn may wait.

        Raises:
            OverloadedError: as many turns wait as may.
        """
        if len(self._places) >= self._most:
            self._metrics.refused_by_limits.labels(OverloadedError.code).inc()
            raise OverloadedError

    @contextmanager
    def entering(self) -> Generator[None]:
        """Counts a new turn as waiting for the duration of the block.

        Raises:
            OverloadedError: as many turns wait as may.
        """
        self.require_place()
        place = object()
        self._places.add(place)
        timer = asyncio.get_running_loop().call_later(PLACE_SECONDS, self._places.discard, place)
        try:
            yield
        finally:
            timer.cancel()
            self._places.discard(place)
