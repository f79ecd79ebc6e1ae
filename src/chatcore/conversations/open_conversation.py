"""Defines an opened conversation, whose messages are read one slice at a time."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from attrs import evolve, field, frozen

from chatcore.conversations.conversation import Conversation
from chatcore.conversations.log import Stretch, pieces_in
from chatcore.conversations.message import Message
from chatcore.conversations.parts import PartKind
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
    # A function that returns the stretches of a message's log from a position on; nothing at its end.
    _read_log: Callable[[Message, int], Awaitable[Sequence[Stretch]]] = field(alias="read_log")

    def slices(self) -> AsyncIterator[MessageSlice]:
        """Iterates over the messages, oldest first, in slices of bounded size.

        The path was fixed when the conversation was opened. Each message is as it is stored when its slice is read.

        Raises:
            MessageNotFoundError: a message was deleted meanwhile, alone or with its conversation.
            StorageUnavailableError: the storage cannot be read any more.
        """
        return self._slices()

    async def sections_after(self, message: Message) -> AsyncIterator[str]:
        """Iterates over the rest of the text of a message that is not whole.

        Such a message is the last one of a slice that is not whole; its content is the first section of its text.

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

    async def stretches_of(self, message: Message, text_length: int) -> AsyncIterator[Stretch]:
        """Iterates over the log of a message that is not whole.

        Args:
            message: the last message of a slice that is not whole.
            text_length: how much of the text to return, in code points: a running reply may have grown meanwhile.

        Raises:
            MessageNotFoundError: the message was deleted meanwhile.
            StorageUnavailableError: the storage cannot be read any more.
        """
        position = 0
        while stretches := await self._read_log(message, position):
            for stretch in stretches:
                if stretch.kind is PartKind.TEXT:
                    if text_length < len(stretch.text):
                        yield stretch.up_to(stretch.end_offset - len(stretch.text) + text_length)
                        return
                    text_length -= len(stretch.text)
                yield stretch
                position = stretch.end_offset

    async def messages(self) -> tuple[Message, ...]:
        """Returns all messages at once, oldest first and whole, whatever memory that takes.

        Raises:
            MessageNotFoundError: a message was deleted meanwhile, alone or with its conversation.
            StorageUnavailableError: the storage cannot be read any more.
        """
        messages: list[Message] = []
        async for slice_ in self.slices():
            messages += slice_.messages
            if not slice_.is_whole:
                begun = messages.pop()
                messages.append(await self._whole(begun, has_pieces=slice_.has_pieces))
        return tuple(messages)

    async def _whole(self, begun: Message, *, has_pieces: bool) -> Message:
        content = begun.content + "".join([section async for section in self.sections_after(begun)])
        if not has_pieces:
            return evolve(begun, content=content)
        stretches = [stretch async for stretch in self.stretches_of(begun, len(content))]
        return evolve(begun, content=content, pieces=pieces_in(stretches))
