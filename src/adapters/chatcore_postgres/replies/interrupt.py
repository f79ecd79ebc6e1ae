"""Ends a running reply and begins a turn in one transaction."""

from collections.abc import Callable

from chatcore.conversations.message import MessageId
from chatcore.errors import GenerationInProgressError
from chatcore.ports.new_reply import AcceptedTurn, NewTurn
from chatcore.replies.lease import FinalState, OrphanedReply
from chatcore_postgres.driver.database import Connection, Database, fetch_definite_on, fetch_on
from chatcore_postgres.replies.begin import accepted
from chatcore_postgres.replies.begin_turn import BEGIN_TURN, turn_parameters
from chatcore_postgres.replies.orphans import GIVE_UP_WHEN_IDLE, finish_locked, lock


async def interrupt(
    database: Database, turn: NewTurn, running_id: MessageId, decide: Callable[[OrphanedReply], FinalState]
) -> AcceptedTurn:
    """Ends the reply if it still runs, and begins the turn, as the port says."""

    async def unit(connection: Connection) -> AcceptedTurn:
        async with connection.transaction():
            await fetch_on(connection, GIVE_UP_WHEN_IDLE, {})
            # The lock keeps every other turn of the conversation out until this transaction ends.
            lease = await lock(connection, turn.user_id, turn.conversation_id, running_id)
            try:
                # A turn that was begun before, or that is refused for another reason, must not end the reply.
                return await _begin(connection, turn)
            except GenerationInProgressError as busy:
                if lease is None or busy.message_id != running_id:
                    raise
            await finish_locked(connection, lease, decide)
            return await _begin(connection, turn)

    return await database.run(unit)


async def _begin(connection: Connection, turn: NewTurn) -> AcceptedTurn:
    return accepted(turn, await fetch_definite_on(connection, BEGIN_TURN, turn_parameters(turn)))
