"""Opens event streams of feeds, within a limit of each user."""

from collections import Counter

from attrs import field, frozen

from chatcore import FeedEvent, UserId, Watermark
from chatcore.sync.feeds import Feeds
from chatcore_service.http.caller import Caller
from chatcore_service.http.refusals import TooManyFeedsError
from chatcore_service.metrics import Metrics
from chatcore_service.settings import StreamSettings
from chatcore_service.streaming.event_stream import EventStream
from chatcore_service.streaming.sse import Encoder
from chatcore_service.streaming.stream_monitor import StreamMonitor


@frozen(kw_only=True)
class FeedStreams:
    """Opens feeds as event streams, and counts those of each user on this process."""

    feeds: Feeds
    stream_monitor: StreamMonitor
    settings: StreamSettings
    metrics: Metrics
    _open: Counter[UserId] = field(factory=Counter[UserId], init=False)

    async def open(
        self, caller: Caller, after: Watermark | None, encoder: Encoder[FeedEvent]
    ) -> EventStream[FeedEvent]:
        """Returns the stream of the caller's changes after a watermark, or from now on, as an ASGI application.

        Raises:
            TooManyFeedsError: the caller has as many feeds as allowed.
            StorageUnavailableError: the changes since the watermark could not be read.
        """
        user_id = caller.user.id
        if self._open[user_id] >= self.settings.max_feeds_per_user:
            raise TooManyFeedsError
        self._count(user_id)
        try:
            reader = await self.feeds.open(caller.user, after)
        except BaseException:
            self._discount(user_id)
            raise

        def close() -> None:
            reader.leave()
            self._discount(user_id)

        return EventStream(
            reader,
            encoder,
            caller=caller,
            stream_monitor=self.stream_monitor,
            location=None,
            on_close=close,
            revalidate_seconds=self.settings.revalidate_feeds_seconds,
        )

    def _count(self, user_id: UserId) -> None:
        self._open[user_id] += 1
        self.metrics.open_feeds.inc()

    def _discount(self, user_id: UserId) -> None:
        self.metrics.open_feeds.dec()
        self._open[user_id] -= 1
        if not self._open[user_id]:
            # The counter would otherwise keep every user that ever had a feed.
            del self._open[user_id]
