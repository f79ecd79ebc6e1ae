"""The storage port in memory, and the stream counts port beside it."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from attrs import evolve

from chatcore.conversations.changes import ConversationChanges
from chatcore.conversations.conversation import Conversation, OpenConversation
from chatcore.conversations.listing import Cursor, Page, PageRequest
from chatcore.conversations.message import ConversationId, Message, MessageId
from chatcore.errors import StorageUnavailableError
from chatcore.ports import (
    AcceptedTurn,
    Clock,
    DeltaRead,
    DeltaReader,
    NewRegeneration,
    NewTurn,
    ProcessId,
    Storage,
    StreamCounts,
)
from chatcore.replies.lease import LEASE_SECONDS, FinalState, Lease, LeaseStatus, OrphanedReply, OwnerId, Progress
from chatcore.user import UserId
from chatcore_memory.stream_counts import StreamCountTable
from chatcore_memory.tables import GenerationRow, Tables
from chatcore_memory.turns import Turns


class InMemoryStorage(Storage, StreamCounts):
    """Keeps both ports' promises for as long as the process lives.

    Leases and counts run out by the clock that is passed in. Like a database over a network, every call lets other
    tasks run before it takes effect, and may be told to fail:

    - ``storage.outage = True``: nothing can be reached until it is false again; nothing takes effect.
    - ``storage.lost_replies = 2``: the next two calls take effect, and fail nevertheless, as when a connection
      breaks just before the reply to COMMIT.
    """

    def __init__(self, clock: Clock) -> None:
        self.outage = False
        self.lost_replies = 0
        self._clock = clock
        self._tables = Tables()
        self._turns = Turns(self._tables)
        self._stream_counts = StreamCountTable()

    async def create_conversation(self, conversation: Conversation) -> None:
        """As the port says."""
        async with self._transaction():
            key = (conversation.user_id, conversation.id)
            if key not in self._tables.conversations:
                self._tables.conversations[key] = _in_utc(conversation)
                self._tables.messages[key] = []

    async def list_conversations(self, user_id: UserId, request: PageRequest) -> Page:
        """As the port says."""
        async with self._transaction():
            own = [c for (owner, _), c in self._tables.conversations.items() if owner == user_id]
            own.sort(key=_place, reverse=True)
            if request.cursor is not None:
                after = (request.cursor.updated_at, request.cursor.id)
                own = [conversation for conversation in own if _place(conversation) < after]
            else:
                own = own[request.offset :]
            shown = tuple(own[: request.limit])
            return Page(shown, Cursor.after(shown[-1]) if len(own) > len(shown) else None)

    async def open_conversation(self, user_id: UserId, conversation_id: ConversationId) -> OpenConversation:
        """As the port says."""
        async with self._transaction():
            conversation = self._tables.conversation(user_id, conversation_id)
            return OpenConversation(conversation, tuple(self._tables.messages[user_id, conversation_id]))

    async def update_conversation(
        self, user_id: UserId, conversation_id: ConversationId, changes: ConversationChanges
    ) -> Conversation:
        """As the port says."""
        async with self._transaction():
            conversation = self._tables.conversation(user_id, conversation_id)
            return self._tables.store(_in_utc(changes.apply_to(conversation)))

    async def delete_conversation(self, user_id: UserId, conversation_id: ConversationId) -> None:
        """As the port says."""
        async with self._transaction():
            self._tables.drop(self._tables.conversation(user_id, conversation_id))

    async def begin_turn(self, turn: NewTurn) -> AcceptedTurn:
        """As the port says."""
        async with self._transaction():
            return self._turns.begin_turn(evolve(turn, now=turn.now.astimezone(UTC)), lease_until=self._lease_until())

    async def begin_regeneration(self, regeneration: NewRegeneration) -> AcceptedTurn:
        """As the port says."""
        async with self._transaction():
            in_utc = evolve(regeneration, now=regeneration.now.astimezone(UTC))
            return self._turns.begin_regeneration(in_utc, lease_until=self._lease_until())

    async def get_message(self, user_id: UserId, conversation_id: ConversationId, message_id: MessageId) -> Message:
        """As the port says."""
        async with self._transaction():
            return self._tables.message(user_id, conversation_id, message_id)

    async def request_stop(self, user_id: UserId, conversation_id: ConversationId, message_id: MessageId) -> Message:
        """As the port says."""
        async with self._transaction():
            message = self._tables.message(user_id, conversation_id, message_id)
            generation = self._tables.generations.get((user_id, conversation_id))
            if generation is not None and generation.lease.message_id == message_id:
                generation.is_stop_requested = True
            return message

    async def checkpoint(self, owner_id: OwnerId, parts: Sequence[Progress]) -> Sequence[LeaseStatus]:
        """As the port says."""
        async with self._transaction():
            return [self._checkpoint_one(owner_id, part) for part in parts]

    async def finish(self, lease: Lease, final_state: FinalState) -> bool:
        """As the port says."""
        async with self._transaction():
            generation = self._tables.leased(lease)
            if generation is not None:
                self._end(generation, final_state)
                return True
            return self._has_ended_so(lease, final_state)

    async def claim_expired(self, owner_id: OwnerId, running: Collection[MessageId], limit: int) -> Sequence[Lease]:
        """As the port says."""
        async with self._transaction():
            abandoned = [
                generation
                for generation in self._tables.generations.values()
                if generation.lease_until <= self._clock.monotonic()
                and (generation.lease.owner_id != owner_id or generation.lease.message_id not in running)
            ]
            for generation in abandoned[:limit]:
                generation.lease = evolve(generation.lease, owner_id=owner_id, epoch=generation.lease.epoch + 1)
                generation.lease_until = self._lease_until()
            return [generation.lease for generation in abandoned[:limit]]

    async def finish_orphan(self, lease: Lease, decide: Callable[[OrphanedReply], FinalState]) -> FinalState | None:
        """As the port says."""
        async with self._transaction():
            generation = self._tables.leased(lease)
            if generation is None:
                return None
            final_state = decide(OrphanedReply(generation.text, generation.is_stop_requested, generation.replaces))
            self._end(generation, final_state)
            return final_state

    async def read_deltas(self, readers: Sequence[DeltaReader]) -> Sequence[DeltaRead]:
        """As the port says."""
        async with self._transaction():
            return [self._read_one(reader) for reader in readers]

    async def purge_idempotency_keys(self, before: datetime, limit: int) -> int:
        """As the port says."""
        async with self._transaction():
            old = [key for key, recorded in self._tables.keys.items() if recorded.recorded_at < before][:limit]
            for key in old:
                del self._tables.keys[key]
            return len(old)

    async def exchange_stream_counts(self, process_id: ProcessId, counts: Mapping[UserId, int]) -> Mapping[UserId, int]:
        """As the port says."""
        async with self._transaction():
            return self._stream_counts.exchange(process_id, counts, self._clock.monotonic())

    async def forget_stream_counts(self, limit: int) -> int:
        """As the port says."""
        async with self._transaction():
            return self._stream_counts.forget(self._clock.monotonic(), limit)

    async def ping(self) -> None:
        """As the port says."""
        async with self._transaction():
            pass

    @asynccontextmanager
    async def _transaction(self) -> AsyncGenerator[None]:
        """Everything inside happens at once: there is no await in it, and all checks come before the first write."""
        await asyncio.sleep(0)
        if self.outage:
            raise StorageUnavailableError(is_in_doubt=False)
        yield
        if self.lost_replies > 0:
            self.lost_replies -= 1
            raise StorageUnavailableError

    def _lease_until(self) -> float:
        return self._clock.monotonic() + LEASE_SECONDS

    def _checkpoint_one(self, owner_id: OwnerId, part: Progress) -> LeaseStatus:
        generation = self._tables.leased(part.lease)
        if generation is None or generation.lease.owner_id != owner_id:
            return LeaseStatus.LOST
        if part.text:
            generation.deltas.setdefault(part.start_offset, part.text)
        if part.renew:
            generation.lease_until = self._lease_until()
        return LeaseStatus.STOP_REQUESTED if generation.is_stop_requested else LeaseStatus.HELD

    def _end(self, generation: GenerationRow, final_state: FinalState) -> None:
        key = (generation.lease.user_id, generation.lease.conversation_id)
        message = self._tables.message(*key, generation.lease.message_id)
        conversation = self._tables.conversation(*key)
        if final_state.returns_head and conversation.head_id == message.id:
            conversation = evolve(conversation, head_id=generation.return_head_id)
        self._tables.replace(_ended(message, final_state))
        self._tables.store(evolve(conversation, updated_at=final_state.ended_at.astimezone(UTC)))
        del self._tables.generations[key]

    def _has_ended_so(self, lease: Lease, final_state: FinalState) -> bool:
        key = (lease.user_id, lease.conversation_id)
        if not self._tables.has_message(*key, lease.message_id):
            return False
        message = self._tables.message(*key, lease.message_id)
        return message == _ended(message, final_state)

    def _read_one(self, reader: DeltaReader) -> DeltaRead:
        generation = self._tables.generations.get((reader.user_id, reader.conversation_id))
        if generation is None or generation.lease.message_id != reader.message_id:
            return DeltaRead("", 0, is_live=False)
        stored = generation.text[: reader.offset + reader.room]
        return DeltaRead(stored[reader.offset :], len(stored), is_live=True)


def _place(conversation: Conversation) -> tuple[datetime, ConversationId]:
    return conversation.updated_at, conversation.id


def _in_utc(conversation: Conversation) -> Conversation:
    return evolve(
        conversation,
        created_at=conversation.created_at.astimezone(UTC),
        updated_at=conversation.updated_at.astimezone(UTC),
    )


def _ended(message: Message, final_state: FinalState) -> Message:
    return evolve(
        message,
        status=final_state.status,
        content=final_state.content,
        error=final_state.error,
        token_count=final_state.token_count,
        inference_time_ms=final_state.inference_time_ms,
    )
