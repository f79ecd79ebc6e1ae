"""Interrupts the running reply of a conversation for the next message or a regeneration."""

from collections.abc import Awaitable
from contextlib import suppress
from enum import StrEnum

from attrs import frozen

from chatcore.conversations.message import MessageId
from chatcore.errors import GenerationInProgressError, MessageNotFoundError
from chatcore.ports import AcceptedTurn, Clock, NewRegeneration, NewTurn, ReplyStore
from chatcore.replies.lease import FinalState
from chatcore.replies.orphans import OrphanedReply
from chatcore.replies.rescue import final_state_of_orphan
from chatcore.replies.stopping import Stopper

#: Time in which the owner of an interrupted reply may write the final state itself.
INTERRUPT_WAIT_SECONDS = 1.0


class OnBusy(StrEnum):
    """Names what becomes of a message or a regeneration while a reply is being generated in its conversation."""

    #: The request is refused.
    REJECT = "reject"
    #: The reply is stopped and keeps its text. The message follows it; the regeneration stands beside it.
    INTERRUPT = "interrupt"


@frozen(kw_only=True)
class Interruption:
    """Stops a running reply and begins another one as one operation, whichever process generates the running reply.

    Nothing is stopped for a turn or a regeneration that was begun before or that is refused for any other reason. The
    owner of the running reply gets INTERRUPT_WAIT_SECONDS to write the final state, with all of the text. After that,
    the storage ends the reply with the text that is stored, in the transaction that begins the new one.
    """

    storage: ReplyStore
    clock: Clock
    stopper: Stopper

    async def begin_turn(self, turn: NewTurn) -> AcceptedTurn:
        """Begins a turn, and stops the running reply of its conversation for it.

        Raises:
            ChatError: the turn was refused; :meth:`chatcore.ports.ReplyStore.begin_turn` says with which errors.
        """
        return await self._begin(turn, self.storage.begin_turn(turn))

    async def begin_regeneration(self, regeneration: NewRegeneration) -> AcceptedTurn:
        """Begins a regeneration, and stops the running reply of its conversation for it.

        Raises:
            ChatError: the regeneration was refused; :meth:`chatcore.ports.ReplyStore.begin_regeneration` says with
                which errors.
        """
        return await self._begin(regeneration, self.storage.begin_regeneration(regeneration))

    async def _begin(self, new: NewTurn | NewRegeneration, first_try: Awaitable[AcceptedTurn]) -> AcceptedTurn:
        try:
            return await first_try
        except GenerationInProgressError as busy:
            running_id = MessageId(busy.message_id)
        while True:
            # The storage gives the definite answer if the reply was deleted meanwhile.
            with suppress(MessageNotFoundError):
                await self.stopper.stop(
                    new.user_id, new.conversation_id, running_id, wait_seconds=INTERRUPT_WAIT_SECONDS
                )
            try:
                return await self.storage.interrupt(new, running_id, self._decide)
            except GenerationInProgressError as busy:
                # Another reply was begun meanwhile. Every round means that such a reply was stored.
                running_id = MessageId(busy.message_id)

    def _decide(self, orphan: OrphanedReply) -> FinalState:
        return final_state_of_orphan(orphan, now=self.clock.now())
