"""Imports one conversation: adds the messages that are not stored yet to the active path."""

from collections.abc import Sequence
from datetime import datetime

from attrs import define, field

from chatcore.conversations.message import MessageId
from chatcore_postgres.samosachaat.mapping import ImportedConversation, ImportedMessage
from chatcore_postgres.samosachaat.report import ImportReport, Note, Skip
from chatcore_postgres.samosachaat.source import SamosachaatSource
from chatcore_postgres.samosachaat.target import PlacedMessage, Target, Tip


@define
class ConversationImport:
    """Adds a conversation, or those of its messages that an earlier import did not add.

    A new message follows its predecessor in the source, if the head is that predecessor. If the head is another message
    of the source, the new message is older than an imported one and is added after the head. If the head is no message
    of the source, the conversation was continued here: the new messages become a branch, and the head stays.
    """

    conversation: ImportedConversation
    target: Target
    source: SamosachaatSource
    report: ImportReport
    #: The time of a row for which the source has none.
    now: datetime
    #: Whether the conversation was stored before this import.
    is_present: bool
    #: Whether anything was written.
    has_changed: bool = False
    _tip: Tip | None = None
    _previous_id: MessageId | None = None
    _previous_time: datetime | None = None
    _is_continued: bool = False
    _placed: list[PlacedMessage] = field(factory=list[PlacedMessage])

    async def add(self, messages: Sequence[ImportedMessage]) -> None:
        """Adds the messages that are not stored yet; the messages follow those of the previous call."""
        found = await self.target.find_messages(self.conversation.user_id, [message.id for message in messages])
        for message in messages:
            if message.id not in found:
                await self._place(message)
            elif found[message.id] == self.conversation.id:
                self.report.messages.present += 1
                self._follow(message.id, message.created_at)
            else:
                self.report.messages.skip(Skip.ID_TAKEN, message.id)
        await self._store()

    async def close(self) -> None:
        """Stores the conversation if it has no messages."""
        if not self.is_present and self._tip is None:
            await self._open_tip(None)

    async def _place(self, message: ImportedMessage) -> None:
        tip = self._tip or await self._open_tip(message.created_at)
        if tip is None:
            self.report.messages.skip(Skip.DELETED, message.id)
            return
        parent_id = await self._parent(tip)
        created_at = message.created_at or self._previous_time or self.conversation.created_at or self.now
        self._placed.append(PlacedMessage(message, parent_id, tip.next_position, created_at))
        self._tip = Tip(tip.head_id if self._is_continued else message.id, tip.next_position + 1)
        self._follow(message.id, created_at)
        self._count(message)

    async def _open_tip(self, first_time: datetime | None) -> Tip | None:
        """Creates or locks the conversation; returns its tip, or None if it was deleted meanwhile."""
        created_at = self.conversation.created_at or first_time or self.conversation.updated_at or self.now
        counts, key = self.report.conversations, (self.conversation.user_id, self.conversation.id)
        if not self.is_present:
            updated_at = self.conversation.updated_at or created_at
            if await self.target.create(self.conversation, created_at, updated_at):
                counts.added += 1
                self._count_conversation()
                self._tip = Tip(None, 1)
            else:
                counts.present += 1
                self.is_present = True
        self._tip = self._tip or await self.target.lock(*key)
        self.has_changed = True
        return self._tip

    async def _parent(self, tip: Tip) -> MessageId | None:
        if not self._is_continued and tip.head_id != self._previous_id:
            self._is_continued = tip.head_id is None or not await self.source.has_message(
                self.conversation.id, tip.head_id
            )
        return self._previous_id if self._is_continued else tip.head_id

    async def _store(self) -> None:
        if self._placed and self._tip is not None:
            updated_at = self.conversation.updated_at or self._placed[-1].created_at
            await self.target.extend(self.conversation, self._placed, self._tip, updated_at)
            self._placed.clear()

    def _follow(self, message_id: MessageId, created_at: datetime | None) -> None:
        self._previous_id = message_id
        self._previous_time = created_at or self._previous_time

    def _count(self, message: ImportedMessage) -> None:
        self.report.messages.added += 1
        notes = {
            Note.NO_TIME: message.created_at is None,
            Note.LONG_CONTENT: len(message.content) > self.source.limits.max_content_chars,
            Note.BESIDE_PATH: self._is_continued,
        }
        self.report.notes.update(note for note, applies in notes.items() if applies)

    def _count_conversation(self) -> None:
        has_times = self.conversation.created_at and self.conversation.updated_at
        notes = {Note.TITLE_CUT: self.conversation.is_title_cut, Note.NO_TIME: not has_times}
        self.report.notes.update(note for note, applies in notes.items() if applies)
