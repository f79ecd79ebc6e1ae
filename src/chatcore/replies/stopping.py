"""Stops replies, whichever process generates them."""

from attrs import frozen

from chatcore.conversations.message import ConversationId, Message, MessageId
from chatcore.errors import MessageNotFoundError
from chatcore.ports import Clock, ReplyStore
from chatcore.replies.generation import CancelReason
from chatcore.replies.generation_runner import GenerationRunner
from chatcore.timed_wait import wait_at_most
from chatcore.user import UserId

_POLL_SECONDS = 0.1


@frozen(kw_only=True)
class Stopper:
    """Asks the owner of a reply to stop, and waits for the final state."""

    storage: ReplyStore
    clock: Clock
    runner: GenerationRunner

    async def stop(
        self, user_id: UserId, conversation_id: ConversationId, message_id: MessageId, *, wait_seconds: float
    ) -> Message:
        """Stops a reply, which keeps its text. A reply that has ended is left unchanged.

        Returns:
            The reply in its final state. The reply is still streaming if its owner did not stop it within
            `wait_seconds`, or if this process began to drain while it waited for another process.

        Raises:
            MessageNotFoundError: the user's conversation has no such reply.
        """
        message = await self.storage.request_stop(user_id, conversation_id, message_id)
        if not message.is_reply:
            raise MessageNotFoundError
        generation = self.runner.find(user_id, conversation_id, message_id)
        if generation is None:
            return await self._wait_for_owner(message, wait_seconds)
        generation.cancel(CancelReason.STOPPED)
        if generation.task is not None:
            await wait_at_most([generation.task], seconds=wait_seconds, clock=self.clock)
        return await self.storage.get_message(user_id, conversation_id, message_id)

    async def _wait_for_owner(self, message: Message, wait_seconds: float) -> Message:
        deadline = self.clock.monotonic() + wait_seconds
        while message.is_streaming and not self.runner.is_draining:
            left = deadline - self.clock.monotonic()
            if left <= 0:
                break
            await self.clock.sleep(min(_POLL_SECONDS, left))
            message = await self.storage.get_message(message.user_id, message.conversation_id, message.id)
        return message
