"""Implements the use cases that create, list, open, change and delete conversations."""

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import suppress
from uuid import UUID, uuid4

from attrs import evolve, field, frozen

from chatcore.conversations.changes import UNSET, ConversationChanges, HeadChoice
from chatcore.conversations.conversation import (
    DEFAULT_TITLE,
    Conversation,
    TitleSource,
)
from chatcore.conversations.creation import Creation
from chatcore.conversations.listing import Page, PageRequest
from chatcore.conversations.log import Stretch
from chatcore.conversations.message import DEFAULT_MODEL_TAG, ConversationId, Message, MessageId
from chatcore.conversations.open_conversation import OpenConversation
from chatcore.conversations.path import MAX_SECTION_CHARS, WHOLE_PATH, MessageSlice, PathRequest
from chatcore.errors import ConversationNotFoundError
from chatcore.input_limits import InputLimits
from chatcore.ports.bulk_deletions import BulkDeletions
from chatcore.ports.clock import Clock
from chatcore.ports.conversations import ConversationStore
from chatcore.ports.new_fork import NewFork
from chatcore.text import has_visible_text
from chatcore.user import User, UserId

FIRST_PAGE = PageRequest()

# Few enough for one statement to delete them within its time, if they have thousands of messages each.
_DELETED_AT_ONCE = 10


@frozen(kw_only=True)
class Conversations:
    """Offers the use cases on conversations. Every method may also raise StorageUnavailableError."""

    storage: ConversationStore
    deletions: BulkDeletions
    clock: Clock
    #: The function to call with the user and the id of a deleted conversation, so that its running reply is stopped.
    on_deleted: Callable[[UserId, ConversationId], None]
    #: Titles that a client gives a conversation that has no title yet. The first message replaces them.
    placeholder_titles: Collection[str]
    limits: InputLimits = field(factory=InputLimits)
    new_id: Callable[[], UUID] = uuid4

    async def create(
        self, user: User, *, title: str | None = None, model_tag: str | None = None, instructions: str | None = None
    ) -> Conversation:
        """Creates an empty conversation, which takes its title from its first message if none is given.

        An empty model tag, a title or instructions without visible text, and a placeholder for a title count as not
        given. A placeholder is shown until the first message replaces it.

        Raises:
            InvalidInputError: the title, the model tag or the instructions break their limits.
        """
        new_id = ConversationId(self.new_id())
        created = await self.create_once(user, new_id, title=title, model_tag=model_tag, instructions=instructions)
        return created.conversation

    async def create_once(
        self,
        user: User,
        conversation_id: ConversationId,
        *,
        title: str | None = None,
        model_tag: str | None = None,
        instructions: str | None = None,
    ) -> Creation:
        """Creates a conversation as :meth:`create` does, under an id of the caller's choice.

        If the user has a conversation with this id, it stays as it is and is returned. So a caller repeats a request
        whose answer was lost. The ids of other users are of no account.

        Raises:
            InvalidInputError: the title, the model tag or the instructions break their limits.
        """
        now = self.clock.now()
        shown_title = self.limits.require_title(title) if title and has_visible_text(title) else DEFAULT_TITLE
        conversation = Conversation(
            id=conversation_id,
            user_id=user.id,
            title=shown_title,
            title_source=TitleSource.DEFAULT if self._is_placeholder(shown_title) else TitleSource.USER,
            model_tag=self.limits.require_model_tag(model_tag or DEFAULT_MODEL_TAG),
            instructions=self._instructions(instructions),
            created_at=now,
            updated_at=now,
        )
        while not await self.storage.create_conversation(conversation):
            if known := await self._known(user, conversation_id):
                return known
        return Creation(conversation, is_new=True)

    async def fork(
        self,
        user: User,
        conversation_id: ConversationId,
        message_id: MessageId | None = None,
        *,
        new_id: ConversationId | None = None,
    ) -> Creation:
        """Creates a conversation with a copy of the path to a message, or to the head.

        The copy has the title, the model and the instructions of the other conversation, which stays as it is. With
        `new_id` the caller chooses the id, and repeats a request whose answer was lost: if the user has a conversation
        with this id, it stays as it is and is returned, whatever became of the other one meanwhile.

        Raises:
            ConversationNotFoundError: the user has no such conversation.
            InvalidInputError: the conversation has no such message.
            GenerationInProgressError: the last message of the path is a running reply.
        """
        new = NewFork(
            user_id=user.id,
            source_id=conversation_id,
            message_id=message_id,
            conversation_id=new_id or ConversationId(self.new_id()),
            now=self.clock.now(),
        )
        if new_id is not None and (known := await self._known(user, new_id)):
            return known
        while not (made := await self.storage.fork_conversation(new)):
            if known := await self._known(user, new.conversation_id):
                # Nobody else knew an id that was made here, so the conversation that has it comes from this request.
                return evolve(known, is_new=new_id is None)
        return Creation(made, is_new=True)

    async def _known(self, user: User, conversation_id: ConversationId) -> Creation | None:
        # A conversation whose id was found to be taken may be deleted before it is read.
        with suppress(ConversationNotFoundError):
            return Creation(await self.storage.get_conversation(user.id, conversation_id), is_new=False)
        return None

    def _instructions(self, given: str | None) -> str | None:
        return self.limits.require_instructions(given) if given and has_visible_text(given) else None

    def _is_placeholder(self, title: str) -> bool:
        return title == DEFAULT_TITLE or title in self.placeholder_titles

    async def list(self, user: User, request: PageRequest = FIRST_PAGE) -> Page:
        """Returns a page of the user's conversations, newest `updated_at` first."""
        return await self.storage.list_conversations(user.id, request)

    async def get(self, user: User, conversation_id: ConversationId) -> Conversation:
        """Returns a conversation without its messages.

        Raises:
            ConversationNotFoundError: the user has no such conversation.
        """
        return await self.storage.get_conversation(user.id, conversation_id)

    async def open(
        self, user: User, conversation_id: ConversationId, request: PathRequest = WHOLE_PATH
    ) -> OpenConversation:
        """Opens a conversation at its active path, or at a page of it.

        The text of a running reply is what is stored so far.

        Raises:
            ConversationNotFoundError: the user has no such conversation.
            InvalidInputError: the cursor of the request marks no place in the conversation.
        """
        path = await self.storage.open_path(user.id, conversation_id, request)

        async def slices() -> AsyncIterator[MessageSlice]:
            yield path.first
            for key in path.rest:
                yield await self.storage.read_slice(user.id, conversation_id, key)

        return OpenConversation(
            conversation=path.conversation,
            previous_cursor=path.previous_cursor,
            slices=slices,
            read_text=self._read_text,
            read_log=self._read_log,
        )

    async def _read_log(self, message: Message, position: int) -> Sequence[Stretch]:
        return await self.storage.read_log(
            message.user_id, message.conversation_id, message.id, position, MAX_SECTION_CHARS
        )

    async def _read_text(self, message: Message, offset: int) -> str:
        return await self.storage.read_text(message.user_id, message.conversation_id, message.id, offset)

    async def open_tree(self, user: User, conversation_id: ConversationId) -> OpenConversation:
        """Opens a conversation at the messages of all its branches, in the order of their creation.

        Raises:
            ConversationNotFoundError: the user has no such conversation.
        """
        conversation = await self.storage.get_conversation(user.id, conversation_id)

        async def slices() -> AsyncIterator[MessageSlice]:
            position = 0
            while (slice_ := await self.storage.read_tree(user.id, conversation_id, position)).messages:
                yield slice_
                position = slice_.messages[-1].position

        return OpenConversation(
            conversation=conversation, slices=slices, read_text=self._read_text, read_log=self._read_log
        )

    async def update(
        self,
        user: User,
        conversation_id: ConversationId,
        changes: ConversationChanges,
        head: HeadChoice | None = None,
    ) -> Conversation:
        """Changes a conversation, which keeps its place in the list. A title that is set here is never overwritten.

        Instructions without visible text clear the instructions, as None does. With `head`, the path through that
        message is shown from now on, also while a reply is being generated.

        Raises:
            InvalidInputError: the title, the model tag or the instructions break their limits, or `head` names no
                message of the conversation.
            ConversationNotFoundError: the user has no such conversation.
        """
        if changes.title is not UNSET:
            self.limits.require_title(changes.title)
        if changes.model_tag is not UNSET:
            self.limits.require_model_tag(changes.model_tag)
        if changes.instructions is not UNSET:
            changes = evolve(changes, instructions=self._instructions(changes.instructions))
        return await self.storage.update_conversation(user.id, conversation_id, changes, head)

    async def delete(self, user: User, conversation_id: ConversationId) -> None:
        """Deletes a conversation and all its messages, and stops its running reply, whichever process generates it.

        Raises:
            ConversationNotFoundError: the user has no such conversation, or it is deleted already.
        """
        await self.storage.delete_conversation(user.id, conversation_id)
        self.on_deleted(user.id, conversation_id)

    async def delete_all(self, user: User) -> None:
        """Deletes all conversations of a user as :meth:`delete` does, in batches.

        After a failure, some are deleted, and a repeat deletes the rest.
        """
        while deleted := await self.deletions.delete_some(user.id, _DELETED_AT_ONCE):
            for conversation_id in deleted:
                self.on_deleted(user.id, conversation_id)
