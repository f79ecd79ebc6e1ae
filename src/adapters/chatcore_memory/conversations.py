"""Stores conversations in memory."""

from datetime import UTC, datetime

from attrs import evolve, frozen

from chatcore.conversations.changes import ConversationChanges, HeadChoice
from chatcore.conversations.conversation import Conversation, TitleSource
from chatcore.conversations.listing import MAX_PINNED, Cursor, Page, PageRequest
from chatcore.conversations.message import ConversationId
from chatcore.user import UserId
from chatcore_memory.tables import Tables
from chatcore_memory.trees import TreeRows


@frozen
class ConversationRows:
    """Reads and writes the conversations in the tables; each method does as the port says."""

    _tables: Tables
    _trees: TreeRows

    def create(self, conversation: Conversation) -> bool:
        """Stores a new conversation, or returns false if its id is taken."""
        key = (conversation.user_id, conversation.id)
        if key in self._tables.conversations:
            return False
        self._tables.insert(_in_utc(conversation))
        self._tables.messages[key] = []
        return True

    def list_page(self, user_id: UserId, request: PageRequest) -> Page:
        """Returns a page of the user's conversations."""
        own = [
            self._with_active_reply(conversation)
            for (owner, _), conversation in self._tables.conversations.items()
            if owner == user_id and conversation.is_archived is request.is_archived
        ]
        own.sort(key=_place, reverse=True)
        pinned = [conversation for conversation in own if conversation.is_pinned] if request.is_first else []
        if request.cursor is not None:
            after = (request.cursor.updated_at, request.cursor.id)
            own = [conversation for conversation in own if _place(conversation) < after]
        else:
            own = own[request.offset :]
        shown = tuple(own[: request.limit])
        return Page(shown, Cursor.after(shown[-1]) if len(own) > len(shown) else None, tuple(pinned[:MAX_PINNED]))

    def get(self, user_id: UserId, conversation_id: ConversationId) -> Conversation:
        """Returns a conversation."""
        return self._with_active_reply(self._tables.conversation(user_id, conversation_id))

    def update(
        self,
        user_id: UserId,
        conversation_id: ConversationId,
        changes: ConversationChanges,
        head: HeadChoice | None,
    ) -> Conversation:
        """Applies changes to a conversation, and moves its head."""
        changed = changes.apply_to(self._tables.conversation(user_id, conversation_id))
        if head is not None:
            changed = evolve(changed, head_id=self._trees.chosen(user_id, conversation_id, head))
        return self._with_active_reply(self._tables.store(changed))

    def replace_auto_title(self, user_id: UserId, conversation_id: ConversationId, *, old: str, new: str) -> None:
        """Replaces a title that no user chose."""
        conversation = self._tables.conversations.get((user_id, conversation_id))
        if conversation is not None and (conversation.title, conversation.title_source) == (old, TitleSource.AUTO):
            self._tables.store(evolve(conversation, title=new))

    def delete(self, user_id: UserId, conversation_id: ConversationId) -> None:
        """Deletes a conversation."""
        self._tables.drop(self._tables.conversation(user_id, conversation_id))

    def _with_active_reply(self, conversation: Conversation) -> Conversation:
        generation = self._tables.generations.get((conversation.user_id, conversation.id))
        return evolve(conversation, active_reply_id=None if generation is None else generation.lease.message_id)


def _place(conversation: Conversation) -> tuple[datetime, ConversationId]:
    return conversation.updated_at, conversation.id


def _in_utc(conversation: Conversation) -> Conversation:
    return evolve(
        conversation,
        created_at=conversation.created_at.astimezone(UTC),
        updated_at=conversation.updated_at.astimezone(UTC),
    )
