"""Implements the storage port and the stream counts port in memory."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager

from chatcore.conversations.changes import ConversationChanges
from chatcore.conversations.conversation import Conversation
from chatcore.conversations.listing import Page, PageRequest
from chatcore.conversations.log import Stretch
from chatcore.conversations.message import ConversationId, Message, MessageId
from chatcore.conversations.path import MessageSlice, OpenPath, PathRequest, SliceKey
from chatcore.errors import StorageUnavailableError
from chatcore.ports import (
    AcceptedTurn,
    Clock,
    DeltaRead,
    DeltaReader,
    NewContinuation,
    NewRegeneration,
    NewTurn,
    ProcessId,
    Storage,
    StreamCounts,
)
from chatcore.replies.lease import FinalState, Lease, LeaseStatus, OwnerId, Progress
from chatcore.replies.orphans import OrphanedReply, ResumedReply, Resumption
from chatcore.user import UserId
from chatcore_memory.beginnings import BeginningRows
from chatcore_memory.continuations import ContinuationRows
from chatcore_memory.conversations import ConversationRows
from chatcore_memory.paths import PathRows
from chatcore_memory.replies import ReplyRows
from chatcore_memory.stream_counts import StreamCountRows
from chatcore_memory.tables import Tables


class InMemoryStorage(Storage, StreamCounts):
    """Stores all data in this process, and loses the data when the process ends.

    Leases and counts expire by the clock that is passed in. As with a database over a network, every call lets other
    tasks run before the call takes effect, and can be made to fail:

    - ``storage.outage = True``: every call fails without taking effect, until the attribute is false again.
    - ``storage.lost_replies = 2``: the next two calls take effect and fail nevertheless, as when a connection breaks
      just before the answer to COMMIT.
    """

    def __init__(self, clock: Clock) -> None:
        self.outage = False
        self.lost_replies = 0
        tables = Tables()
        self._conversations = ConversationRows(tables)
        self._paths = PathRows(tables)
        self._replies = ReplyRows(tables, clock)
        self._beginnings = BeginningRows(tables, clock, self._replies)
        self._continuations = ContinuationRows(tables, clock)
        self._stream_counts = StreamCountRows(clock)

    async def create_conversation(self, conversation: Conversation) -> None:
        """Stores a new, empty conversation, as the port says."""
        async with self._transaction():
            self._conversations.create(conversation)

    async def list_conversations(self, user_id: UserId, request: PageRequest) -> Page:
        """Returns a page of the user's conversations, as the port says."""
        async with self._transaction():
            return self._conversations.list_page(user_id, request)

    async def get_conversation(self, user_id: UserId, conversation_id: ConversationId) -> Conversation:
        """Returns a conversation without its messages, as the port says."""
        async with self._transaction():
            return self._conversations.get(user_id, conversation_id)

    async def open_path(self, user_id: UserId, conversation_id: ConversationId, request: PathRequest) -> OpenPath:
        """Returns a conversation with the oldest slice of its path, as the port says."""
        async with self._transaction():
            conversation = self._conversations.get(user_id, conversation_id)
            first, rest = self._paths.open(conversation, request)
            return OpenPath(conversation=conversation, first=first, rest=rest)

    async def read_slice(self, user_id: UserId, conversation_id: ConversationId, key: SliceKey) -> MessageSlice:
        """Returns a slice of a path, as the port says."""
        async with self._transaction():
            return self._paths.read_slice(user_id, conversation_id, key)

    async def read_tree(self, user_id: UserId, conversation_id: ConversationId, after: int) -> MessageSlice:
        """Returns the messages after a position, as the port says."""
        async with self._transaction():
            return self._paths.read_tree(user_id, conversation_id, after)

    async def read_text(
        self, user_id: UserId, conversation_id: ConversationId, message_id: MessageId, offset: int
    ) -> str:
        """Returns a section of a message's text, as the port says."""
        async with self._transaction():
            return self._paths.read_text(user_id, conversation_id, message_id, offset)

    async def read_log(
        self, user_id: UserId, conversation_id: ConversationId, message_id: MessageId, position: int, max_chars: int
    ) -> Sequence[Stretch]:
        """Returns stretches of a reply's log, as the port says."""
        async with self._transaction():
            message = self._replies.get_message(user_id, conversation_id, message_id)
            return tuple(message.log.stretches(position, max_chars))

    async def update_conversation(
        self, user_id: UserId, conversation_id: ConversationId, changes: ConversationChanges
    ) -> Conversation:
        """Applies changes to a conversation, as the port says."""
        async with self._transaction():
            return self._conversations.update(user_id, conversation_id, changes)

    async def replace_auto_title(self, user_id: UserId, conversation_id: ConversationId, *, old: str, new: str) -> None:
        """Replaces a title that no user chose, as the port says."""
        async with self._transaction():
            self._conversations.replace_auto_title(user_id, conversation_id, old=old, new=new)

    async def delete_conversation(self, user_id: UserId, conversation_id: ConversationId) -> None:
        """Deletes a conversation, as the port says."""
        async with self._transaction():
            self._conversations.delete(user_id, conversation_id)

    async def begin_turn(self, turn: NewTurn) -> AcceptedTurn:
        """Begins a turn, as the port says."""
        async with self._transaction():
            return self._beginnings.begin(turn)

    async def interrupt(
        self,
        new: NewTurn | NewRegeneration,
        running_id: MessageId,
        decide: Callable[[OrphanedReply], FinalState],
    ) -> AcceptedTurn:
        """Ends a running reply and begins another one, as the port says."""
        async with self._transaction():
            return self._beginnings.interrupt(new, running_id, decide)

    async def begin_regeneration(self, regeneration: NewRegeneration) -> AcceptedTurn:
        """Begins a regeneration, as the port says."""
        async with self._transaction():
            return self._beginnings.begin(regeneration)

    async def begin_continuation(self, continuation: NewContinuation) -> AcceptedTurn:
        """Begins a continuation, as the port says."""
        async with self._transaction():
            return self._continuations.begin(continuation)

    async def get_message(self, user_id: UserId, conversation_id: ConversationId, message_id: MessageId) -> Message:
        """Returns one message, as the port says."""
        async with self._transaction():
            return self._replies.get_message(user_id, conversation_id, message_id)

    async def request_stop(self, user_id: UserId, conversation_id: ConversationId, message_id: MessageId) -> Message:
        """Asks the owner of a reply to stop, as the port says."""
        async with self._transaction():
            return self._replies.request_stop(user_id, conversation_id, message_id)

    async def checkpoint(self, owner_id: OwnerId, parts: Sequence[Progress]) -> Sequence[LeaseStatus]:
        """Stores new text and renews leases, as the port says."""
        async with self._transaction():
            return self._replies.checkpoint(owner_id, parts)

    async def finish(self, lease: Lease, final_state: FinalState) -> bool:
        """Writes the final state of a reply, as the port says."""
        async with self._transaction():
            return self._replies.finish(lease, final_state)

    async def claim_expired(
        self, owner_id: OwnerId, running: Collection[MessageId], limit: int, *, only_given_up: bool = False
    ) -> Sequence[Lease]:
        """Takes over replies whose lease has expired, as the port says."""
        async with self._transaction():
            return self._replies.claim_expired(owner_id, running, limit, only_given_up=only_given_up)

    async def recover(
        self, lease: Lease, decide: Callable[[OrphanedReply], FinalState | Resumption], *, history_limit: int = 1
    ) -> FinalState | ResumedReply | None:
        """Finishes or resumes an orphaned reply from its deltas, as the port says."""
        async with self._transaction():
            return self._replies.recover(lease, decide, history_limit)

    async def hand_over(self, part: Progress) -> bool:
        """Stores the last text of an owner and gives its lease up, as the port says."""
        async with self._transaction():
            return self._replies.hand_over(part)

    async def read_deltas(self, readers: Sequence[DeltaReader]) -> Sequence[DeltaRead]:
        """Returns the text that each reader is missing, as the port says."""
        async with self._transaction():
            return self._replies.read_deltas(readers)

    async def purge_idempotency_keys(self, age_seconds: float, limit: int) -> int:
        """Deletes old idempotency keys, as the port says."""
        async with self._transaction():
            return self._replies.purge_idempotency_keys(age_seconds, limit)

    async def exchange_stream_counts(self, process_id: ProcessId, counts: Mapping[UserId, int]) -> Mapping[UserId, int]:
        """Exchanges the counts of a process for those of all others, as the port says."""
        async with self._transaction():
            return self._stream_counts.exchange(process_id, counts)

    async def forget_stream_counts(self, limit: int) -> int:
        """Deletes expired counts, as the port says."""
        async with self._transaction():
            return self._stream_counts.forget(limit)

    async def ping(self) -> None:
        """Returns unless the storage fails, as the port says."""
        async with self._transaction():
            pass

    @asynccontextmanager
    async def _transaction(self) -> AsyncGenerator[None]:
        """Runs the block as one transaction: the block has no await, and makes all checks before its first write."""
        await asyncio.sleep(0)
        if self.outage:
            raise StorageUnavailableError(is_in_doubt=False)
        yield
        if self.lost_replies > 0:
            self.lost_replies -= 1
            raise StorageUnavailableError
