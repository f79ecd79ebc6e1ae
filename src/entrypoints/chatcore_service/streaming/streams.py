"""Opens event streams of a turn's unchanged frames, and of a reply's text from an offset."""

from attrs import frozen

from chatcore import FrameReader, Reader, Stretch
from chatcore.conversations.places import START, Place
from chatcore.replies.turns import Turns
from chatcore_service.http.caller import Caller
from chatcore_service.metrics import Metrics
from chatcore_service.streaming.event_stream import EventStream
from chatcore_service.streaming.sse import FrameEncoder, LogEncoder
from chatcore_service.streaming.stream_limiter import Slot, StreamLimiter
from chatcore_service.streaming.stream_monitor import StreamMonitor


@frozen(kw_only=True)
class Streams:
    """Opens event streams for callers that have taken a slot."""

    turns: Turns
    stream_monitor: StreamMonitor
    limiter: StreamLimiter
    metrics: Metrics

    async def take_slot(self, caller: Caller) -> Slot:
        """Takes a slot for one stream. A caller takes the slot before it stores a turn.

        Raises:
            TooManyStreamsError: the caller has as many streams as allowed.
        """
        return await self.limiter.take(caller.user.id)

    def open(
        self,
        reader: FrameReader | Reader[Stretch],
        *,
        caller: Caller,
        slot: Slot,
        place: Place = START,
        location: str | None = None,
    ) -> EventStream[bytes] | EventStream[Stretch]:
        """Returns the stream of a reader as an ASGI application, which releases the slot at its end."""
        self.metrics.open_streams.inc()

        def close() -> None:
            self.metrics.open_streams.dec()
            slot.release()
            self.turns.leave(reader)

        if isinstance(reader, FrameReader):
            return EventStream(
                reader,
                FrameEncoder(),
                caller=caller,
                stream_monitor=self.stream_monitor,
                location=location,
                on_close=close,
            )
        return EventStream(
            reader,
            LogEncoder(place),
            caller=caller,
            stream_monitor=self.stream_monitor,
            location=location,
            on_close=close,
        )
