"""Deleting a conversation, and knowing whether it was this that did it."""

from itertools import count
from uuid import UUID

from chatcore.user import UserId
from chatcore_postgres.driver.database import Connection, Database, fetch_on
from chatcore_postgres.statements import conversations


async def delete_conversation(database: Database, user_id: UserId, conversation_id: UUID) -> bool:
    """Deletes it; whether it is gone by this, and was not before."""
    tries = count(1)

    async def unit(connection: Connection) -> bool:
        is_first = next(tries) == 1
        deleted = await fetch_on(
            connection, conversations.DELETE, {"user_id": user_id, "conversation_id": conversation_id}
        )
        # A repeat that finds nothing finds what the try before it did: that one's answer was lost, not its effect.
        return bool(deleted) or not is_first

    return await database.run(unit)
