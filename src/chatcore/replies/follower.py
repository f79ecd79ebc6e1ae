"""Creates readers of replies, from memory in the process that generates the reply and from the storage elsewhere.

A reader of a reply that another process generates is fed from the stored deltas. All such readers of this process
share one query per poll, and the process polls only while it has such readers.
"""

import asyncio
from collections.abc import Sequence
from contextvars import Context
from functools import partial

from chatcore.conversations.log import Stretch
from chatcore.conversations.message import ConversationId, Message, MessageId, Status
from chatcore.conversations.places import START, Place
from chatcore.errors import MessageNotFoundError
from chatcore.ports import Clock, DeltaRead, DeltaReader, Observer, Storage
from chatcore.replies.buffered_reader import BufferedReader
from chatcore.replies.generation_runner import GenerationRunner
from chatcore.replies.page_reader import MAX_PAGE_CHARS, PageReader
from chatcore.replies.readers import LogReader, Reader
from chatcore.replies.transcript import RECONNECT, End
from chatcore.reply_error import ReplyError
from chatcore.timed_wait import wait_at_most
from chatcore.user import UserId

#: The time between two polls of the deltas, in seconds; a checkpoint writes the deltas at the same interval.
POLL_SECONDS = 0.25
#: Most polls for which a reader that has more text than is stored waits for the missing text before it is rewound.
TICKS_AHEAD = 8
#: How long :meth:`Follower.close` waits for a query in progress, in seconds.
CLOSE_SECONDS = 1.0


class Follower:
    """Creates readers, and feeds the readers of replies that another process generates."""

    def __init__(self, runner: GenerationRunner, *, storage: Storage, clock: Clock, observer: Observer) -> None:
        self._runner = runner
        self._storage = storage
        self._clock = clock
        self._observer = observer
        self._remote: dict[BufferedReader, Message] = {}
        self._polling: asyncio.Task[None] | None = None
        self._is_cut = False

    async def follow(
        self,
        user_id: UserId,
        conversation_id: ConversationId,
        message_id: MessageId,
        place: Place | None,
        *,
        knows_end: bool,
    ) -> Reader[Stretch] | None:
        """Returns a reader of a reply from a place on, or None if the caller already knows everything.

        The caller knows everything if the reply has ended and the caller either was told the end of this generation or
        has all of a complete reply. The place None stands for the start.

        Raises:
            MessageNotFoundError: this user's conversation has no such reply.
        """
        message = await self._storage.get_message(user_id, conversation_id, message_id)
        if not message.is_reply:
            raise MessageNotFoundError
        if not message.is_streaming:
            return self._finished(message, place, knows_end=knows_end)
        place = place or START
        generation = self._runner.find(user_id, conversation_id, message_id)
        # A process that was frozen has a generation that others have taken over.
        if generation is not None and generation.beginning.cuts == message.cuts:
            start = place.within(message.cuts)
            return LogReader(generation.transcript, start.position, opening=_opening(place, start))
        return self._elsewhere(message, place)

    async def replay(
        self, user_id: UserId, conversation_id: ConversationId, message_id: MessageId, place: Place
    ) -> Reader[Stretch]:
        """Returns a reader of a reply from a place on, also if the reply has ended and has nothing after the place.

        Raises:
            MessageNotFoundError: this user's conversation has no such reply.
        """
        reader = await self.follow(user_id, conversation_id, message_id, place, knows_end=False)
        if reader is None:
            # The caller has all of a complete reply.
            reader = BufferedReader(place.position)
            reader.cut(End())
        return reader

    def _finished(self, message: Message, place: Place | None, *, knows_end: bool) -> Reader[Stretch] | None:
        start = (place or START).within(message.cuts)
        if knows_end and place is not None and place.generation == start.generation:
            return None
        log, length = message.log, message.log_length
        if place is not None and message.status is Status.COMPLETE and start.position == length:
            return None
        opening = _opening(place or START, start)
        if length - start.position > MAX_PAGE_CHARS:
            page = [] if opening is None else [opening]
            page += log.stretches(start.position, MAX_PAGE_CHARS)
            fetch = partial(self._page, message.user_id, message.conversation_id, message.id)
            return PageReader(start.position, length, page, End(message.error), fetch)
        reader = BufferedReader(start.position, generation=start.generation, opening=opening)
        reader.finish(log, End(message.error))
        return reader

    async def _page(
        self, user_id: UserId, conversation_id: ConversationId, message_id: MessageId, position: int
    ) -> Sequence[Stretch] | None:
        try:
            return await self._storage.read_log(user_id, conversation_id, message_id, position, MAX_PAGE_CHARS)
        except Exception as error:  # noqa: BLE001 - after any error, the reader is told to reconnect
            self._observer.failed("reading a finished reply", error)
            return None

    # -- Replies that another process generates -------------------------------------------------------------------

    def _elsewhere(self, message: Message, place: Place) -> Reader[Stretch]:
        start = place.within(message.cuts)
        reader = BufferedReader(
            start.position,
            generation=start.generation,
            opening=_opening(place, start),
            on_leave=self._leave,
        )
        if self._is_cut:
            reader.cut(RECONNECT)
            return reader
        self._remote[reader] = message
        if self._polling is None:
            # The task has its own context, since it serves all readers and not only the request that started it.
            self._polling = asyncio.create_task(
                self._poll(), name="following replies made elsewhere", context=Context()
            )
        return reader

    def _leave(self, reader: BufferedReader) -> None:
        self._remote.pop(reader, None)

    def cut(self) -> None:
        """Tells all current and future readers of replies from other processes to reconnect, for a shutdown."""
        self._is_cut = True
        for reader in self._remote:
            reader.cut(RECONNECT)
        self._remote.clear()

    async def close(self) -> None:
        """Stops the polling and waits at most CLOSE_SECONDS for a query in progress."""
        if self._polling is not None:
            self._polling.cancel()
            await wait_at_most([self._polling], seconds=CLOSE_SECONDS, clock=self._clock)

    async def _poll(self) -> None:
        try:
            while self._remote:
                started = self._clock.monotonic()
                await self._feed()
                await self._clock.sleep(max(POLL_SECONDS - (self._clock.monotonic() - started), 0.0))
        finally:
            self._polling = None

    async def _feed(self) -> None:
        readers = [(reader, message) for reader, message in self._remote.items() if reader.room > 0]
        if not readers:
            return
        try:
            reads = await self._storage.read_deltas([_delta_reader(reader, message) for reader, message in readers])
            for (reader, message), read in zip(readers, reads, strict=True):
                if not read.is_live:
                    continue
                if read.generation == reader.generation:
                    self._feed_live(reader, read)
                else:
                    await self._enter_generation(reader, message)
            await self._end(readers, reads)
        except Exception as error:  # noqa: BLE001 - the next poll retries; until then readers wait
            self._observer.failed("following replies made elsewhere", error)

    @staticmethod
    def _feed_live(reader: BufferedReader, read: DeltaRead) -> None:
        if read.end_position >= reader.position:
            reader.ticks_ahead = 0
            for stretch in read.stretches:
                reader.put(stretch)
            return
        # The reader received what is missing from the owner. The checkpoint of that is in progress, or is lost.
        reader.ticks_ahead += 1
        if reader.ticks_ahead > TICKS_AHEAD:
            reader.ticks_ahead = 0
            reader.rewind(read.end_position)

    async def _enter_generation(self, reader: BufferedReader, message: Message) -> None:
        """Lets a reader follow a reply that another process has taken over; the next poll feeds the reader."""
        taken_over = await self._look_up(message)
        if taken_over is not None:
            reader.enter(reader.place.within(taken_over.cuts))

    async def _end(self, readers: Sequence[tuple[BufferedReader, Message]], reads: Sequence[DeltaRead]) -> None:
        ended: dict[MessageId, Message | None] = {}
        for (reader, message), read in zip(readers, reads, strict=True):
            if read.is_live:
                continue
            if message.id not in ended:
                ended[message.id] = await self._look_up(message)
            final = ended[message.id]
            if final is None:
                reader.cut(End(ReplyError.STOPPED))  # The conversation was deleted, which stops the reply.
            elif not final.is_streaming:
                if reader.generation != final.generation:
                    reader.enter(reader.place.within(final.cuts))
                if not reader.finish(final.log, End(final.error)):
                    continue
            else:
                continue
            self._leave(reader)

    async def _look_up(self, message: Message) -> Message | None:
        try:
            return await self._storage.get_message(message.user_id, message.conversation_id, message.id)
        except MessageNotFoundError:
            return None


def _opening(place: Place, start: Place) -> Stretch | None:
    """Returns the instruction for a reader that names a place and is given the reply from another one on."""
    return None if place == start else Stretch("", start.position, generation=start.generation)


def _delta_reader(reader: BufferedReader, message: Message) -> DeltaReader:
    return DeltaReader(
        user_id=message.user_id,
        conversation_id=message.conversation_id,
        message_id=message.id,
        position=reader.position,
        room=reader.room,
    )
