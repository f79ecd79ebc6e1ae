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
PLACE_SECONDS = 1.0

# The turn of a caller whom the auth service has yet to vouch for costs most and waits twice, so that such turns are
# refused while this share of the places is taken.
_SHARE_OF_STRANGERS = 1 / 3


class WaitingTurns:
    """Counts the turns that wait to begin, and refuses further ones beyond a limit.

    A turn waits while the auth service is asked about its caller and while it is stored, but not while its body
    arrives: slow callers take no place. A turn that takes longer than PLACE_SECONDS for either waits for something
    else than this process, such as the end of the reply that it interrupts, and takes no place any more.

    A caller whom the auth service has yet to vouch for is refused while a third of the places are taken. A known caller
    is refused only if as many turns are being stored as may wait, so that strangers on whose tokens the auth service
    hangs keep no known user from sending.

    Args:
        most: the number of waiting turns from which further ones are refused.
        metrics: the metrics that count refusals.
    """

    def __init__(self, most: int, metrics: Metrics) -> None:
        self._most = most
        self._most_with_strangers = max(1, int(most * _SHARE_OF_STRANGERS))
        self._metrics = metrics
        self._authenticating = set[object]()
        self._storing = set[object]()

    @contextmanager
    def authenticating(self) -> Generator[None]:
        """Counts a turn while the auth service is asked about its caller, for the duration of the block.

        Raises:
            OverloadedError: a third as many turns wait as may, or more.
        """
        self._require_fewer(self._most_with_strangers, len(self._authenticating) + len(self._storing))
        with _place_in(self._authenticating):
            yield

    @contextmanager
    def known_caller(self) -> Generator[None]:
        """Lets a turn of a known caller pass; the turn is not counted before it is stored.

        Raises:
            OverloadedError: as many turns are being stored as may wait.
        """
        self._require_fewer(self._most, len(self._storing))
        yield

    @contextmanager
    def storing(self) -> Generator[None]:
        """Counts a turn while it is stored, for the duration of the block.

        Raises:
            OverloadedError: as many turns are being stored as may wait.
        """
        self._require_fewer(self._most, len(self._storing))
        with _place_in(self._storing):
            yield

    def _require_fewer(self, most: int, count: int) -> None:
        if count >= most:
            self._metrics.refused_by_limits.labels(OverloadedError.code).inc()
            raise OverloadedError


@contextmanager
def _place_in(places: set[object]) -> Generator[None]:
    place = object()
    places.add(place)
    timer = asyncio.get_running_loop().call_later(PLACE_SECONDS, places.discard, place)
    try:
        yield
    finally:
        timer.cancel()
        places.discard(place)
