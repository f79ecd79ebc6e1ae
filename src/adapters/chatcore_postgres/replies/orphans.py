"""Takes over replies whose lease has expired, and finishes them."""

from collections.abc import Callable, Collection, Sequence

from chatcore.conversations.message import ConversationId, MessageId
from chatcore.replies.lease import LEASE_SECONDS, FinalState, Lease, OrphanedReply, OwnerId
from chatcore.user import UserId
from chatcore_postgres.driver.arrays import Uuids
from chatcore_postgres.driver.database import Connection, Database, fetch_on
from chatcore_postgres.replies.finish import FINISH, finish_parameters, lease_parameters

# When two sweeps want the same row, the second waits for the first, looks at the row again, and finds the lease
# renewed. There is no FOR UPDATE SKIP LOCKED: over several users it cannot be distributed.
CLAIM_EXPIRED = """
update generations as g
set owner_id = %(owner_id)s, epoch = g.epoch + 1, lease_until = now() + make_interval(secs => %(lease_seconds)s)
from (
    select user_id, conversation_id
    from generations
    where lease_until < now() and not (owner_id = %(owner_id)s and message_id = any(%(running)s::uuid[]))
    order by lease_until
    limit %(limit)s
) as expired
where g.user_id = expired.user_id and g.conversation_id = expired.conversation_id
    and g.lease_until < now() and not (g.owner_id = %(owner_id)s and g.message_id = any(%(running)s::uuid[]))
returning g.user_id, g.conversation_id, g.message_id, g.epoch
"""

# The setting holds for one transaction. Only transactions that end a reply from its deltas have several round trips. A
# process that is frozen between them would keep its locks, and recovery would wait for the locks in all other
# processes.
GIVE_UP_WHEN_IDLE = "select set_config('idle_in_transaction_session_timeout', '5s', true)"

# The statement waits for checkpoints that are storing text for this reply (their foreign keys share the row) and admits
# no later checkpoints. The text that they stored is visible to the next statement only, not to this one.
LOCK = """
select g.owner_id, g.epoch
from conversations as c join generations as g on g.user_id = c.user_id and g.conversation_id = c.id
where c.user_id = %(user_id)s and c.id = %(conversation_id)s and g.message_id = %(message_id)s
for update
"""

# The reply of a turn has the position after its question. At any other position it was begun as a regeneration.
ORPHANED_REPLY = """
select
    (
        select coalesce(string_agg(text, '' order by start_offset), '')
        from deltas
        where user_id = %(user_id)s and message_id = %(message_id)s
    ),
    g.stop_requested,
    reply.position > question.position + 1
from generations as g
    join messages as reply on reply.user_id = g.user_id and reply.id = g.message_id
    join messages as question on question.user_id = reply.user_id and question.id = reply.parent_id
where g.user_id = %(user_id)s and g.conversation_id = %(conversation_id)s and g.message_id = %(message_id)s
"""


async def claim_expired(
    database: Database, owner_id: OwnerId, running: Collection[MessageId], limit: int
) -> Sequence[Lease]:
    """Takes over replies whose lease has expired, as the port says."""
    rows = await database.fetch(
        CLAIM_EXPIRED,
        {"owner_id": owner_id, "lease_seconds": LEASE_SECONDS, "running": Uuids(running), "limit": limit},
    )
    return [
        Lease(
            user_id=user_id,
            conversation_id=conversation_id,
            message_id=message_id,
            owner_id=owner_id,
            epoch=epoch,
        )
        for user_id, conversation_id, message_id, epoch in rows
    ]


async def finish_orphan(
    database: Database, lease: Lease, decide: Callable[[OrphanedReply], FinalState]
) -> FinalState | None:
    """Finishes an orphaned reply from its deltas in one transaction, as the port says."""

    async def unit(connection: Connection) -> FinalState | None:
        async with connection.transaction():
            await fetch_on(connection, GIVE_UP_WHEN_IDLE, {})
            if await lock(connection, lease.user_id, lease.conversation_id, lease.message_id) != lease:
                return None
            return await finish_locked(connection, lease, decide)

    return await database.run(unit)


async def lock(
    connection: Connection, user_id: UserId, conversation_id: ConversationId, message_id: MessageId
) -> Lease | None:
    """Locks a conversation and its running reply; returns the current lease, or None if the reply does not run."""
    rows = await fetch_on(
        connection, LOCK, {"user_id": user_id, "conversation_id": conversation_id, "message_id": message_id}
    )
    if not rows:
        return None
    ((owner_id, epoch),) = rows
    return Lease(
        user_id=user_id, conversation_id=conversation_id, message_id=message_id, owner_id=owner_id, epoch=epoch
    )


async def finish_locked(
    connection: Connection, lease: Lease, decide: Callable[[OrphanedReply], FinalState]
) -> FinalState:
    """Finishes a reply from its deltas, in a transaction that has locked the reply."""
    (orphan,) = await fetch_on(connection, ORPHANED_REPLY, lease_parameters(lease))
    final_state = decide(OrphanedReply(*orphan))
    await fetch_on(connection, FINISH, finish_parameters(lease, final_state))
    return final_state
