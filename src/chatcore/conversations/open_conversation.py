"""Defines an opened conversation, whose messages are read one slice at a time."""

from collections.abc import AsyncIterator, Awaitable, Callable

from attrs import evolve, field, frozen

from chatcore.conversations.conversation import Conversation
from chatcore.conversations.message import Message
from chatcore.conversations.path import MAX_SECTION_CHARS, MessageSlice, PathCursor


@frozen(kw_only=True, eq=False)
class OpenConversation:
    """Holds a conversation and reads its messages from the storage while a caller iterates over them."""

    conversation: Conversation
    #: The cursor of the page with older messages; None if the messages begin at the root.
    previous_cursor: PathCursor | None = None
    _slices: Callable[[], AsyncIterator[MessageSlice]] = field(alias="slices")
    # A function that returns the section of a message's text after a number of code points.
    _read_text: Callable[[Message, int], Awaitable[str]] = field(alias="read_text")

    def slices(self) -> AsyncIterator[MessageSlice]:
        """Iterates over the messages, oldest first, in slices of bounded size.

        The path was fixed when the conversation was opened. Each message is as it is stored when its slice is read.

        Raises:
            MessageNotFoundError: a message was deleted meanwhile, alone or with its conversation.
            StorageUnavailableError: the storage cannot be read any more.
        """
        return self._slices()

    async def sections_after(self, message: Message) -> AsyncIterator[str]:
        """Iterates over the rest of the text of `message`, whose content is only the first section of the text.

        Such a message is the last one of a slice that is not whole.

        Raises:
            MessageNotFoundError: the message was deleted meanwhile.
            StorageUnavailableError: the storage cannot be read any more.
        """
        offset = len(message.content)
        section = "x" * MAX_SECTION_CHARS
        while len(section) == MAX_SECTION_CHARS:
            section = await self._read_text(message, offset)
            offset += len(section)
            yield section

    async def messages(self) -> tuple[Message, ...]:
        """Returns all messages at once, oldest first, with their whole text, whatever memory that takes.

        Raises:
            MessageNotFoundError: a message was deleted meanwhile, alone or with its conversation.
            StorageUnavailableError: the storage cannot be read any more.
        """
        messages: list[Message] = []
        async for slice_ in self.slices():
            messages += slice_.messages
            if not slice_.is_whole:
                begun = messages.pop()
                parts = [section async for section in self.sections_after(begun)]
                messages.append(evolve(begun, content=begun.content + "".join(parts)))
        return tuple(messages)
