"""The model: what one user's conversations must look like. No service, no database, no time."""

from itertools import count

from attrs import Factory, define, field

from tests.integration.model.delivery import Course, Delivery

DEFAULT_TITLE = "New conversation"
#: Stands for the place after the head, where a message goes that names no parent.
END = "end"
#: Replies in the making that a user may have.
MAX_GENERATIONS = 2


class RefusedError(Exception):
    """The service must answer with this status, and nothing may change."""

    def __init__(self, status: int, reply: "Message | None" = None) -> None:
        super().__init__(status)
        self.status = status
        #: The reply that is being made already.
        self.reply = reply


@define(eq=False)
class Message:
    """A message; `id` is what the service called it."""

    id: str
    role: str
    content: str
    parent: "Message | None"
    status: str = "complete"
    delivery: Delivery | None = None
    #: The reply that it is to replace, to which the head goes back should this one come to nothing.
    fallback: "Message | None" = None

    @property
    def prompt(self) -> str:
        """Returns the text of the question."""
        assert self.parent is not None
        return self.parent.content

    @property
    def text_so_far(self) -> str:
        """Returns the text that a reader of this reply can have by now."""
        assert self.delivery is not None
        return self.delivery.text_until_trouble(self.prompt) if self.status == "streaming" else self.content

    @property
    def error(self) -> str | None:
        """Returns the error that readers are told at the end."""
        return {"stopped": "stopped", "failed": "inference_interrupted", "interrupted": "inference_interrupted"}.get(
            self.status
        )


@define(eq=False)
class Conversation:
    """A tree of messages, in the order in which they came."""

    id: str
    title: str
    has_default_title: bool
    touched: int
    messages: list[Message] = Factory(list)
    head: Message | None = None
    is_archived: bool = False
    #: Sends by their idempotency key: what was sent and after which message, and the reply.
    keys: dict[str, tuple[str, str | None, Message]] = Factory(dict)

    @property
    def active_path(self) -> list[Message]:
        """Returns the messages from the root to the head."""
        return self.path_to(self.head)

    def path_to(self, message: Message | None) -> list[Message]:
        """Returns the messages from the root to a message."""
        path: list[Message] = []
        while message is not None:
            path.append(message)
            message = message.parent
        return path[::-1]

    def subtree(self, root: Message) -> list[Message]:
        """Returns a message and all messages below it."""
        found = [root]
        for message in self.messages:
            if message.parent in found:
                found.append(message)
        return found

    def versions(self, message: Message) -> list[str]:
        """Returns the ids of the messages with the same parent."""
        return [other.id for other in self.messages if other.parent is message.parent]

    @property
    def running(self) -> Message | None:
        """Returns the reply in the making."""
        return next((message for message in self.messages if message.status == "streaming"), None)


@define(eq=False)
class ReferenceChat:
    """One user's conversations.

    Every method is a request of that user; those that begin a reply are told the ids afterwards, by the caller.

    Raises:
        RefusedError: from every method that a user may call in vain.
    """

    conversations: dict[str, Conversation] = Factory(dict)
    _moments: "count[int]" = field(factory=count)

    def listed(self, *, is_archived: bool) -> list[Conversation]:
        """Returns the archived conversations or the others, the one that changed last first."""
        listed = [one for one in self.conversations.values() if one.is_archived is is_archived]
        return sorted(listed, key=lambda conversation: conversation.touched, reverse=True)

    @property
    def running(self) -> list[Message]:
        """Returns all replies in the making."""
        return [message for one in self.conversations.values() if (message := one.running) is not None]

    def find(self, conversation_id: str) -> Conversation:
        """Returns a conversation."""
        if conversation_id not in self.conversations:
            raise RefusedError(404)
        return self.conversations[conversation_id]

    def find_reply(self, conversation_id: str, reply_id: str) -> Message:
        """Returns a reply of the conversation."""
        for message in self.find(conversation_id).messages:
            if message.id == reply_id and message.role == "assistant":
                return message
        raise RefusedError(404)

    def find_message(self, conversation_id: str, message_id: str, status: int) -> Message:
        """Returns a message of the conversation; `status` is the refusal of any other id."""
        for message in self.find(conversation_id).messages:
            if message.id == message_id:
                return message
        raise RefusedError(status)

    # -- Conversations --------------------------------------------------------------------------------------------

    def create(self, conversation_id: str, title: str | None) -> None:
        """Creates an empty conversation."""
        self.conversations[conversation_id] = Conversation(
            conversation_id, DEFAULT_TITLE if title is None else title, title is None, next(self._moments)
        )

    def rename(self, conversation_id: str, title: str) -> None:
        """Renames the conversation; no message changes that title."""
        conversation = self.find(conversation_id)
        conversation.title, conversation.has_default_title = title, False

    def archive(self, conversation_id: str, *, is_archived: bool) -> None:
        """Moves the conversation to the archive, or out of it."""
        self.find(conversation_id).is_archived = is_archived

    def check_fork(self, conversation_id: str, message_id: str | None) -> list[Message]:
        """Checks that the path to a message, by default the head, may be copied; returns the path."""
        conversation = self.find(conversation_id)
        last = conversation.head if message_id is None else self.find_message(conversation_id, message_id, 422)
        if last is not None and last.status == "streaming":
            raise RefusedError(409, last)
        return conversation.path_to(last)

    def fork(self, conversation_id: str, fork_id: str, copies: list[Message]) -> None:
        """Creates a conversation with copies of a path of another one."""
        source = self.find(conversation_id)
        self.conversations[fork_id] = Conversation(
            fork_id,
            source.title,
            source.has_default_title,
            next(self._moments),
            messages=copies,
            head=copies[-1] if copies else None,
        )

    def delete(self, conversation_id: str) -> Conversation:
        """Deletes the conversation with all its messages."""
        conversation = self.find(conversation_id)
        del self.conversations[conversation_id]
        return conversation

    # -- Trees ----------------------------------------------------------------------------------------------------

    def choose(self, conversation_id: str, message_id: str, *, follow: bool) -> None:
        """Shows the path through a message."""
        conversation = self.find(conversation_id)
        chosen = self.find_message(conversation_id, message_id, 422)
        conversation.head = conversation.subtree(chosen)[-1] if follow else chosen

    def delete_message(self, conversation_id: str, message_id: str) -> list[Message]:
        """Deletes a message with all messages below it; returns them."""
        conversation = self.find(conversation_id)
        target = self.find_message(conversation_id, message_id, 404)
        if conversation.running is not None:
            raise RefusedError(409, conversation.running)
        deleted = conversation.subtree(target)
        conversation.messages = [message for message in conversation.messages if message not in deleted]
        conversation.keys = {key: sent for key, sent in conversation.keys.items() if sent[2] not in deleted}
        if conversation.head in deleted:
            left = conversation.messages if target.parent is None else conversation.subtree(target.parent)
            conversation.head = left[-1] if left else None
        return deleted

    # -- Turns ----------------------------------------------------------------------------------------------------

    def check_send(
        self, conversation_id: str, content: str, key: str | None, after: str | None = END
    ) -> Message | None:
        """Checks that a message may be sent; returns the existing reply for a repeat by key."""
        for conversation in self.conversations.values():
            if key is not None and key in conversation.keys:
                *sent, reply = conversation.keys[key]
                if [conversation.id, *sent] != [conversation_id, content, after]:
                    raise RefusedError(422)
                return reply
        conversation = self.find(conversation_id)
        self._followed(conversation, after)
        self._check_room(conversation)
        return None

    def _followed(self, conversation: Conversation, after: str | None) -> Message | None:
        """Returns the message that a new one is to follow; None for the root."""
        if after is None:
            return None
        return conversation.head if after == END else self.find_message(conversation.id, after, 422)

    def check_regenerate(self, conversation_id: str, message_id: str | None = None) -> Message:
        """Checks that a reply, by default the last one, may be regenerated; returns the message to be answered."""
        conversation = self.find(conversation_id)
        message = conversation.head if message_id is None else self.find_message(conversation_id, message_id, 422)
        while message is not None and message.role != "user":
            message = message.parent
        if message is None:
            raise RefusedError(400)
        self._check_room(conversation)
        return message

    def _check_room(self, conversation: Conversation) -> None:
        if conversation.running is not None:
            raise RefusedError(409, conversation.running)
        if len(self.running) >= MAX_GENERATIONS:
            raise RefusedError(429)

    def send(
        self, conversation_id: str, question: Message, reply: Message, key: str | None, after: str | None = END
    ) -> None:
        """Appends a message and the reply to it after the head, or after another message."""
        conversation = self.find(conversation_id)
        title = " ".join(question.content.split())
        if conversation.has_default_title and title:
            conversation.title, conversation.has_default_title = title, False
        followed = self._followed(conversation, after)
        question.parent = followed.parent if followed is not None and followed.status == "failed" else followed
        conversation.messages.append(question)
        if key is not None:
            conversation.keys[key] = (question.content, after, reply)
        self._begin(conversation, reply)

    def regenerate(self, conversation_id: str, reply: Message) -> None:
        """Appends another reply to a message. The head goes back, unless there is nothing to see but the message."""
        conversation = self.find(conversation_id)
        head = conversation.head
        assert head is not None
        is_bare = head is reply.parent or (head.parent is reply.parent and not head.content)
        reply.fallback = None if is_bare else head
        self._begin(conversation, reply)

    def _begin(self, conversation: Conversation, reply: Message) -> None:
        reply.status = "streaming"
        conversation.messages.append(reply)
        conversation.head = reply
        conversation.is_archived = False
        conversation.touched = next(self._moments)

    # -- Ends of replies ------------------------------------------------------------------------------------------

    def run_its_course(self, conversation_id: str, reply: Message) -> None:
        """Ends the reply, unless it pauses."""
        assert reply.delivery is not None
        if reply.delivery.course is Course.WHOLE:
            self._end(conversation_id, reply, "complete", reply.delivery.whole_text(reply.prompt))
        elif reply.delivery.course is Course.BREAKS_OFF:
            text = reply.delivery.text_until_trouble(reply.prompt)
            self._end(conversation_id, reply, "interrupted" if text else "failed", text)

    def resume(self, conversation_id: str, reply: Message) -> None:
        """Ends a reply that paused."""
        assert reply.delivery is not None
        self._end(conversation_id, reply, "complete", reply.delivery.whole_text(reply.prompt))

    def stop(self, conversation_id: str, reply: Message) -> None:
        """Stops the reply, as its user requests."""
        if reply.status == "streaming":
            self._end(conversation_id, reply, "stopped", reply.text_so_far)

    def _end(self, conversation_id: str, reply: Message, status: str, content: str) -> None:
        conversation = self.find(conversation_id)
        reply.status, reply.content = status, content
        takes_place = status in {"complete", "stopped"} and content
        if reply.fallback is not None and not takes_place and conversation.head is reply:
            conversation.head = reply.fallback
        conversation.touched = next(self._moments)
