"""Defines the port that stores conversations."""

from collections.abc import Sequence
from typing import Protocol

from chatcore.conversations.changes import ConversationChanges, HeadChoice
from chatcore.conversations.conversation import Conversation
from chatcore.conversations.listing import Page, PageRequest
from chatcore.conversations.log import Stretch
from chatcore.conversations.message import ConversationId, MessageId
from chatcore.conversations.path import MessageSlice, OpenPath, PathRequest, SliceKey
from chatcore.ports.new_fork import NewFork
from chatcore.user import UserId


class ConversationStore(Protocol):
    """Stores conversations. :class:`chatcore.ports.Storage` states the rules that hold for every method.

    Raises:
        StorageUnavailableError: from every method, when the storage is unreachable, overloaded or read-only.
    """

    async def create_conversation(self, conversation: Conversation) -> bool:
        """Stores a new, empty conversation and returns true, unless the user has one with this id.

        In that case nothing changes. Of several calls at once, one returns true. An adapter that repeats a call whose
        answer was lost may find the conversation that it stored itself, and then returns false.
        """
        ...

    async def fork_conversation(self, new: NewFork) -> Conversation | None:
        """Stores a new conversation with a copy of a path of another one; returns None if the user has one with its id.

        The path ends with `new.message_id`, on whichever branch that is. Copies have ids of their own, positions from 1
        and everything else of the messages, such as instants and parts. The new conversation has the title, the model
        and the instructions of the other one; it is neither pinned nor archived. The other one stays as it is. However
        long the path is, the memory of this process is bounded. Repeats are as for :meth:`create_conversation`.

        Raises:
            ConversationNotFoundError: the user has no such conversation.
            InvalidInputError: the conversation has no such message.
            GenerationInProgressError: the last message of the path is a running reply.
        """
        ...

    async def list_conversations(self, user_id: UserId, request: PageRequest) -> Page:
        """Returns the user's archived conversations, or the others, as `request.is_archived` says.

        The newest `updated_at` comes first, ties are by id in descending order. The page has at most `request.limit`
        conversations. Its `next_cursor` is None exactly when no conversation follows. The first page has the pinned
        conversations of the list as well, at most MAX_PINNED. Every conversation that this port returns has the id of
        its running reply in `active_reply_id`.
        """
        ...

    async def get_conversation(self, user_id: UserId, conversation_id: ConversationId) -> Conversation:
        """Returns a conversation without its messages.

        Raises:
            ConversationNotFoundError: the user has no such conversation.
        """
        ...

    async def open_path(self, user_id: UserId, conversation_id: ConversationId, request: PathRequest) -> OpenPath:
        """Returns a conversation with the oldest slice of its active path, or of a page of the path, in one round trip.

        The result has the keys of the other slices, which are not read. Each slice takes as many messages, from the
        newest on, as MAX_SLICE_MESSAGES and MAX_SLICE_BYTES allow, and at least one. No content of another branch is
        read. Each message has its :attr:`Message.siblings`.

        A slice contains the stored text of a running reply. Of a message that is longer than MAX_SLICE_BYTES, a slice
        contains the first MAX_SECTION_CHARS code points.

        Raises:
            ConversationNotFoundError: the user has no such conversation.
            InvalidInputError: the cursor of the request marks no place in the conversation.
        """
        ...

    async def read_slice(self, user_id: UserId, conversation_id: ConversationId, key: SliceKey) -> MessageSlice:
        """Returns the slice with a key from :meth:`open_path`, with each message as it is stored now.

        Raises:
            MessageNotFoundError: a message of the slice was deleted.
        """
        ...

    async def read_tree(self, user_id: UserId, conversation_id: ConversationId, after: int) -> MessageSlice:
        """Returns the messages of all branches that come next after a position, ordered by position, as one slice.

        Positions begin at 1. The slice is empty when no message comes after the position.

        Raises:
            MessageNotFoundError: the user has no such conversation any more.
        """
        ...

    async def read_text(
        self, user_id: UserId, conversation_id: ConversationId, message_id: MessageId, offset: int
    ) -> str:
        """Returns at most MAX_SECTION_CHARS code points of a message's text, after the first `offset` ones.

        The text of a running reply is what is stored so far. A result that is shorter than MAX_SECTION_CHARS reaches
        the end of the text.

        Raises:
            MessageNotFoundError: the user's conversation has no such message.
        """
        ...

    async def read_log(
        self, user_id: UserId, conversation_id: ConversationId, message_id: MessageId, position: int, max_chars: int
    ) -> Sequence[Stretch]:
        """Returns at most `max_chars` code points of a reply's log, from a position on.

        The log of a running reply is what is stored so far. A data part is never divided, so a result that ends with
        one may be longer. The result is empty at the end of the log and behind it.

        Raises:
            MessageNotFoundError: the user's conversation has no such message.
        """
        ...

    async def update_conversation(
        self,
        user_id: UserId,
        conversation_id: ConversationId,
        changes: ConversationChanges,
        head: HeadChoice | None = None,
    ) -> Conversation:
        """Applies changes as :meth:`ConversationChanges.apply_to` does; returns the conversation as it is stored now.

        With `head`, the head moves as well, also while a reply is running: the reply goes on, and its end leaves the
        head where it is.

        Raises:
            ConversationNotFoundError: the user has no such conversation.
            InvalidInputError: `head` names no message of the conversation; nothing was changed.
        """
        ...

    async def replace_auto_title(self, user_id: UserId, conversation_id: ConversationId, *, old: str, new: str) -> None:
        """Gives a conversation the title `new` if it still has the title `old` and no user chose it.

        Otherwise, and if the user has no such conversation, nothing changes. The title still counts as chosen by no
        user, and `updated_at` stays as it is.
        """
        ...

    async def delete_conversation(self, user_id: UserId, conversation_id: ConversationId) -> None:
        """Deletes a conversation with its messages, its running reply and its idempotency keys.

        Raises:
            ConversationNotFoundError: the user has no such conversation, or it is deleted already.
        """
        ...
