"""Admits the requests of authenticated users within the limits of each user.

The limits hold for one process, because they protect the process.
"""

from abc import ABC, abstractmethod
from collections import Counter

from starlette.types import ASGIApp, Receive, Scope, Send

from chatcore import UserId
from chatcore.ports import Clock
from chatcore_service.http.buffer_budget import HELD_BODY, BufferBudget, HeldBytes
from chatcore_service.http.refusals import TooFrequentRequestsError, TooManyRequestsError
from chatcore_service.http.request_rate import RequestRate
from chatcore_service.metrics import Metrics
from chatcore_service.settings import RequestSettings


class HasOwnLimit(ABC):
    """Marks responses, such as event streams, that have a limit of their own while they are open."""

    __slots__ = ()

    @abstractmethod
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends the response."""


class Admission:
    """Counts the requests of each user, and refuses a request beyond a limit.

    Args:
        settings: the limits.
        buffer_budget: the memory that requests may hold.
        clock: the clock for the limit of a minute.
        metrics: the metrics that count requests in progress and refusals.
    """

    def __init__(
        self, settings: RequestSettings, *, buffer_budget: BufferBudget, clock: Clock, metrics: Metrics
    ) -> None:
        self._buffer_budget = buffer_budget
        self._max_per_user = settings.max_per_user
        self._rate = RequestRate(settings.max_per_minute, clock) if settings.max_per_minute else None
        self._metrics = metrics
        self._in_progress = Counter[UserId]()

    def admit(self, user_id: UserId, scope: Scope) -> "Place":
        """Counts a request as in progress.

        Args:
            user_id: the user whose token the request has.
            scope: the scope of the request.

        Raises:
            BuffersFullError: requests and responses hold as much memory of the process as they may.
            TooManyBufferedBytesError: the user's requests hold as much memory as those of one user may.
            TooManyRequestsError: the user has as many requests in progress as allowed.
            TooFrequentRequestsError: the user has sent as many requests in the last minute as allowed.
        """
        if self._in_progress[user_id] >= self._max_per_user:
            self._metrics.refused_by_limits.labels(TooManyRequestsError.code).inc()
            raise TooManyRequestsError
        if self._rate is not None and (wait_seconds := self._rate.take(user_id)):
            self._metrics.refused_by_limits.labels(TooFrequentRequestsError.code).inc()
            raise TooFrequentRequestsError(wait_seconds)
        held: HeldBytes = scope.get(HELD_BODY) or HeldBytes(self._buffer_budget)
        held.assign(user_id)
        self._in_progress[user_id] += 1
        self._metrics.requests_in_progress.inc()
        return Place(self, user_id)

    def give_back(self, user_id: UserId) -> None:
        """Stops counting a request of a user."""
        self._metrics.requests_in_progress.dec()
        self._in_progress[user_id] -= 1
        if not self._in_progress[user_id]:
            # The counter would otherwise keep every user that ever sent a request.
            del self._in_progress[user_id]


class Place:
    """Counts one request as in progress until it is released."""

    __slots__ = ("_admission", "_user_id")

    def __init__(self, admission: Admission, user_id: UserId) -> None:
        self._admission = admission
        self._user_id = user_id

    def release(self) -> None:
        """Stops counting the request. The caller must release a place exactly once."""
        self._admission.give_back(self._user_id)

    def released_after(self, response: ASGIApp) -> ASGIApp:
        """Wraps the response so that the place is released at its end, or at once if it has a limit of its own."""
        if isinstance(response, HasOwnLimit):
            self.release()
            return response

        async def respond(scope: Scope, receive: Receive, send: Send) -> None:
            try:
                await response(scope, receive, send)
            finally:
                self.release()

        return respond
