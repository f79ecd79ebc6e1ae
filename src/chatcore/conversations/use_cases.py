"""Implements the use cases that create, list, open, change and delete conversations."""

from collections.abc import Callable, Collection
from uuid import UUID, uuid4

from attrs import frozen

from chatcore.conversations.changes import ConversationChanges
from chatcore.conversations.conversation import (
    DEFAULT_MODEL_TAG,
    DEFAULT_TITLE,
    PLACEHOLDER_TITLES,
    Conversation,
    OpenConversation,
    TitleSource,
    active_path,
    require_model_tag,
    require_title,
)
from chatcore.conversations.listing import Page, PageRequest
from chatcore.conversations.message import ConversationId
from chatcore.ports.clock import Clock
from chatcore.ports.conversations import ConversationStore
from chatcore.user import User, UserId

FIRST_PAGE = PageRequest()


@frozen(kw_only=True)
class Conversations:
    """Offers the use cases on conversations. Every method may also raise StorageUnavailableError."""

    storage: ConversationStore
    clock: Clock
    #: The function to call with the user and the id of a deleted conversation, so that its running reply is stopped.
    on_deleted: Callable[[UserId, ConversationId], None]
    #: Titles that a client gives a conversation for want of a better one. The first message replaces them.
    placeholder_titles: Collection[str] = PLACEHOLDER_TITLES
    new_id: Callable[[], UUID] = uuid4

    async def create(self, user: User, *, title: str | None = None, model_tag: str | None = None) -> Conversation:
        """Creates an empty conversation, which takes its title from its first message if none is given.

        An empty title or model tag, and a placeholder for a title, count as not given. A placeholder is shown until the
        first message replaces it.

        Raises:
            InvalidInputError: the title or the model tag breaks its limits.
        """
        now = self.clock.now()
        conversation = Conversation(
            id=ConversationId(self.new_id()),
            user_id=user.id,
            title=require_title(title or DEFAULT_TITLE),
            title_source=TitleSource.DEFAULT if self._is_placeholder(title) else TitleSource.USER,
            model_tag=require_model_tag(model_tag or DEFAULT_MODEL_TAG),
            created_at=now,
            updated_at=now,
        )
        await self.storage.create_conversation(conversation)
        return conversation

    def _is_placeholder(self, title: str | None) -> bool:
        return not title or title == DEFAULT_TITLE or title in self.placeholder_titles

    async def list(self, user: User, request: PageRequest = FIRST_PAGE) -> Page:
        """Returns a page of the user's conversations, newest `updated_at` first."""
        return await self.storage.list_conversations(user.id, request)

    async def open(
        self, user: User, conversation_id: ConversationId, *, all_branches: bool = False
    ) -> OpenConversation:
        """Returns a conversation with its active path, oldest first, or with its whole tree, ordered by position.

        The content of a running reply is empty in the result; its text is in the stream of the reply.

        Raises:
            ConversationNotFoundError: the user has no such conversation.
        """
        opened = await self.storage.open_conversation(user.id, conversation_id)
        messages = opened.messages if all_branches else active_path(opened.messages, opened.conversation.head_id)
        return OpenConversation(opened.conversation, messages)

    async def update(self, user: User, conversation_id: ConversationId, changes: ConversationChanges) -> Conversation:
        """Changes a conversation, which keeps its place in the list. A title that is set here is never overwritten.

        Raises:
            ConversationNotFoundError: the user has no such conversation.
        """
        return await self.storage.update_conversation(user.id, conversation_id, changes)

    async def delete(self, user: User, conversation_id: ConversationId) -> None:
        """Deletes a conversation and all its messages, and stops its running reply, whichever process generates it.

        Raises:
            ConversationNotFoundError: the user has no such conversation, or it is deleted already.
        """
        await self.storage.delete_conversation(user.id, conversation_id)
        self.on_deleted(user.id, conversation_id)
