"""Interrupts the running reply of a conversation for the next message."""

from contextlib import suppress
from enum import StrEnum

from attrs import frozen

from chatcore.conversations.message import MessageId
from chatcore.errors import GenerationInProgressError, MessageNotFoundError
from chatcore.ports import AcceptedTurn, Clock, NewTurn, ReplyStore
from chatcore.replies.lease import FinalState, OrphanedReply
from chatcore.replies.recovery import final_state_of_orphan
from chatcore.replies.stopping import Stopper

#: Time in which the owner of an interrupted reply may write the final state itself.
INTERRUPT_WAIT_SECONDS = 1.0


class OnBusy(StrEnum):
    """Names what becomes of a message that is sent while a reply is being generated in its conversation."""

    #: The message is refused.
    REJECT = "reject"
    #: The reply is stopped and keeps its text, and the message follows it.
    INTERRUPT = "interrupt"


@frozen(kw_only=True)
class Interruption:
    """Stops a running reply and begins a turn as one operation, whichever process generates the reply."""

    storage: ReplyStore
    clock: Clock
    stopper: Stopper

    async def begin_turn(self, turn: NewTurn) -> AcceptedTurn:
        """Begins a turn, and stops the running reply of its conversation for it.

        Nothing is stopped for a turn that was begun before or that is refused for any other reason. The owner of the
        running reply gets INTERRUPT_WAIT_SECONDS to write the final state, with all of the text. After that, the
        storage ends the reply with the text that is stored, in the transaction that begins the turn.

        Raises:
            ChatError: the turn was refused; :meth:`chatcore.ports.ReplyStore.begin_turn` says with which errors.
        """
        try:
            return await self.storage.begin_turn(turn)
        except GenerationInProgressError as busy:
            running_id = MessageId(busy.message_id)
        while True:
            # The storage gives the definite answer if the reply was deleted meanwhile.
            with suppress(MessageNotFoundError):
                await self.stopper.stop(
                    turn.user_id, turn.conversation_id, running_id, wait_seconds=INTERRUPT_WAIT_SECONDS
                )
            try:
                return await self.storage.interrupt(turn, running_id, self._decide)
            except GenerationInProgressError as busy:
                # Another message was sent meanwhile. Every round means that such a message was stored.
                running_id = MessageId(busy.message_id)

    def _decide(self, orphan: OrphanedReply) -> FinalState:
        return final_state_of_orphan(orphan, now=self.clock.now())
