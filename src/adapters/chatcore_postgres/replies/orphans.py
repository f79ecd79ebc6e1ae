"""Takes over replies whose lease has expired, and finishes or resumes them."""

from collections.abc import Callable, Collection, Sequence

from chatcore.conversations.message import ConversationId, MessageId
from chatcore.replies.generation_request import GenerationRequest
from chatcore.replies.lease import LEASE_SECONDS, FinalState, Lease, OwnerId
from chatcore.replies.orphans import OrphanedReply, ResumedReply, Resumption
from chatcore.user import UserId
from chatcore_postgres.driver.arrays import Uuids
from chatcore_postgres.driver.database import Connection, Database, fetch_on
from chatcore_postgres.driver.transaction import several_round_trips
from chatcore_postgres.replies.finish import finish_parameters, finish_statement, lease_parameters
from chatcore_postgres.replies.prior_state import to_prior_state
from chatcore_postgres.rows import parent_of, pieces_as_json, to_messages, to_pieces, whole_message

# When two sweeps want the same row, the second waits for the first, looks at the row again, and finds the lease
# renewed. There is no FOR UPDATE SKIP LOCKED: over several users it cannot be distributed.
CLAIM_EXPIRED = """
update generations as g
set owner_id = %(owner_id)s, epoch = g.epoch + 1, lease_until = now() + make_interval(secs => %(lease_seconds)s),
    expired_leases = g.expired_leases + (g.lease_until > '-infinity')::integer
from (
    select user_id, conversation_id
    from generations
    where lease_until < now() and not (owner_id = %(owner_id)s and message_id = any(%(running)s::uuid[]))
        and (lease_until = '-infinity' or not %(only_given_up)s::boolean)
    order by lease_until
    limit %(limit)s
) as expired
where g.user_id = expired.user_id and g.conversation_id = expired.conversation_id
    and g.lease_until < now() and not (g.owner_id = %(owner_id)s and g.message_id = any(%(running)s::uuid[]))
returning g.user_id, g.conversation_id, g.message_id, g.epoch
"""

# The statement waits for checkpoints that are storing text for this reply (their foreign keys share the row) and admits
# no later checkpoints. The text that they stored is visible to the next statement only, not to this one.
LOCK = """
select g.owner_id, g.epoch
from conversations as c join generations as g on g.user_id = c.user_id and g.conversation_id = c.id
where c.user_id = %(user_id)s and c.id = %(conversation_id)s and g.message_id = %(message_id)s
for update
"""

# The reply of a turn has the position after its question. At any other position it was begun as a regeneration. A
# continuation is neither: its reply was shown before.
ORPHANED_REPLY = f"""
select stored.text, g.stop_requested, g.restores is null and reply.position > question.position + 1,
    stored.token_count, g.request, g.begins_at, stored.new_token_count, g.expired_leases, g.restores, other.pieces
from generations as g
    join messages as reply on reply.user_id = g.user_id and reply.id = g.message_id
    join messages as question on question.user_id = reply.user_id and question.id = reply.parent_id
    cross join lateral (
        select {pieces_as_json()} as pieces,
            coalesce(sum(length(p.body)) filter (where p.position < g.begins_at), 0) as prior_length
        from pieces as p
        where p.user_id = %(user_id)s and p.message_id = %(message_id)s
    ) as other
    cross join lateral (
        select coalesce(string_agg(d.text, '' order by d.start_offset), '') as text,
            coalesce(sum(d.token_count), 0) as token_count,
            coalesce(sum(d.token_count) filter (where d.start_offset >= g.begins_at - other.prior_length), 0)
                as new_token_count
        from deltas as d
        where d.user_id = %(user_id)s and d.message_id = %(message_id)s
    ) as stored
where g.user_id = %(user_id)s and g.conversation_id = %(conversation_id)s and g.message_id = %(message_id)s
"""  # noqa: S608 - the expression is a literal

# A cut is where a request's text begins or ends, and so between two deltas.
RESUME = """
with dropped as (
    delete from deltas
    where user_id = %(user_id)s and message_id = %(message_id)s and start_offset >= %(text_cut)s::bigint
),
dropped_pieces as (
    delete from pieces
    where user_id = %(user_id)s and message_id = %(message_id)s and position >= %(cut)s::bigint
),
numbered as (
    update generations set number = number + 1
    where user_id = %(user_id)s and conversation_id = %(conversation_id)s and message_id = %(message_id)s
)
update messages set cuts = coalesce(cuts, '{}') || %(cut)s::bigint
where user_id = %(user_id)s and id = %(message_id)s
returning (
    select instructions
    from conversations
    where user_id = %(user_id)s and id = %(conversation_id)s
)
"""

# The newest message is the reply. Because of `offset 0`, each step looks up one row by the primary key.
RESUMED = f"""
select {whole_message("m.id = %(message_id)s")}
from (
    with recursive ancestors as (
        select m.*, 0 as count
        from messages as m
        where m.user_id = %(user_id)s and m.id = %(message_id)s
        union all
        select m.*, ancestors.count + 1
        from ancestors {parent_of("ancestors")}
        where ancestors.count < %(history_limit)s::integer
    )
    select *
    from ancestors
) as m
order by m.position
"""  # noqa: S608 - the columns and expressions are literals


async def claim_expired(
    database: Database, owner_id: OwnerId, running: Collection[MessageId], limit: int, *, only_given_up: bool
) -> Sequence[Lease]:
    """Takes over replies whose lease has expired, as the port says."""
    rows = await database.fetch(
        CLAIM_EXPIRED,
        {
            "owner_id": owner_id,
            "lease_seconds": LEASE_SECONDS,
            "running": Uuids(running),
            "limit": limit,
            "only_given_up": only_given_up,
        },
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


async def recover(
    database: Database, lease: Lease, decide: Callable[[OrphanedReply], FinalState | Resumption], history_limit: int
) -> FinalState | ResumedReply | None:
    """Finishes or resumes an orphaned reply from its deltas in one transaction, as the port says."""

    async def unit(connection: Connection) -> FinalState | ResumedReply | None:
        async with several_round_trips(connection):
            if await lock(connection, lease.user_id, lease.conversation_id, lease.message_id) != lease:
                return None
            orphan = await read_orphan(connection, lease)
            decided = decide(orphan)
            if isinstance(decided, Resumption):
                return await _resume(connection, lease, orphan, decided, history_limit)
            return await finish_locked(connection, lease, decided)

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


async def read_orphan(connection: Connection, lease: Lease) -> OrphanedReply:
    """Returns a running reply as it is stored, in a transaction that has locked the reply."""
    (
        (
            text,
            stop_requested,
            replaces,
            token_count,
            request,
            begins_at,
            new_token_count,
            expired_leases,
            restores,
            pieces,
        ),
    ) = await fetch_on(connection, ORPHANED_REPLY, lease_parameters(lease))
    return OrphanedReply(
        text=text,
        stop_requested=stop_requested,
        replaces=replaces,
        token_count=token_count,
        request=None if request is None else GenerationRequest.decode(request),
        begins_at=begins_at,
        new_token_count=new_token_count,
        expired_leases=expired_leases,
        prior=to_prior_state(restores),
        pieces=to_pieces(pieces),
    )


async def finish_locked(connection: Connection, lease: Lease, final_state: FinalState) -> FinalState:
    """Finishes a reply in a transaction that has locked the reply."""
    await fetch_on(connection, finish_statement(final_state), finish_parameters(lease, final_state))
    return final_state


async def _resume(
    connection: Connection, lease: Lease, orphan: OrphanedReply, resumption: Resumption, history_limit: int
) -> ResumedReply:
    names = {"user_id": lease.user_id, "message_id": lease.message_id}
    ((instructions,),) = await fetch_on(
        connection,
        RESUME,
        {
            **names,
            "conversation_id": lease.conversation_id,
            "cut": resumption.cut,
            "text_cut": resumption.text_cut,
        },
    )
    rows = await fetch_on(connection, RESUMED, {**names, "history_limit": history_limit})
    *history, reply = to_messages(lease.user_id, lease.conversation_id, rows)
    return ResumedReply(lease=lease, orphan=orphan, reply=reply, history=tuple(history), instructions=instructions)
