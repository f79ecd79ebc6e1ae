"""Ends a running reply and begins another one in one transaction."""

from collections.abc import Callable

from chatcore.conversations.message import MessageId
from chatcore.errors import GenerationInProgressError
from chatcore.ports.new_reply import AcceptedTurn, NewRegeneration, NewTurn
from chatcore.replies.lease import FinalState
from chatcore.replies.orphans import OrphanedReply
from chatcore_postgres.driver.database import Connection, Database
from chatcore_postgres.driver.transaction import several_round_trips
from chatcore_postgres.replies.begin_regeneration import begin_regeneration_on
from chatcore_postgres.replies.begin_turn import begin_turn_on
from chatcore_postgres.replies.orphans import finish_locked, lock, read_orphan


async def interrupt(
    database: Database,
    new: NewTurn | NewRegeneration,
    running_id: MessageId,
    decide: Callable[[OrphanedReply], FinalState],
) -> AcceptedTurn:
    """Ends the reply if it still runs, and begins the turn or the regeneration, as the port says."""

    async def unit(connection: Connection) -> AcceptedTurn:
        async with several_round_trips(connection):
            # The lock keeps every other turn of the conversation out until this transaction ends.
            lease = await lock(connection, new.user_id, new.conversation_id, running_id)
            try:
                # A reply that was begun before, or that is refused for another reason, must not end the running one.
                return await _begin(connection, new)
            except GenerationInProgressError as busy:
                if lease is None or busy.message_id != running_id:
                    raise
            await finish_locked(connection, lease, decide(await read_orphan(connection, lease)))
            return await _begin(connection, new)

    return await database.run(unit)


async def _begin(connection: Connection, new: NewTurn | NewRegeneration) -> AcceptedTurn:
    if isinstance(new, NewRegeneration):
        return await begin_regeneration_on(connection, new)
    return await begin_turn_on(connection, new)
