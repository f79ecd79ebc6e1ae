"""Stores what is new of running replies and renews their leases, many replies in one statement."""

from collections.abc import Sequence
from typing import LiteralString

from chatcore.replies.lease import LEASE_SECONDS, LeaseStatus, OwnerId, Progress
from chatcore_postgres.driver.arrays import Bools, Integers, Texts, Uuids
from chatcore_postgres.driver.database import Database
from chatcore_postgres.replies.pieces import piece_parameters


def _checkpoint_statement(renewed: LiteralString) -> LiteralString:
    """Composes a statement that stores a checkpoint of many replies.

    A part is stored if its lease is the current one. A reply may end between this check and the insert; the foreign key
    of the deltas then fails the statement, so text is never stored for a reply that has ended, and the statement is
    sent again.

    A part that was stored before is not stored again: a repeat after a lost answer finds the part.

    The result has only parts with something to report: nearly all of a thousand replies simply go on, four times a
    second.

    `found` joins on keys only, and `offset 0` keeps the comparison of the owner out of the join: the planner believes
    that an owner has one or two rows, and would compare each part with each row.

    Args:
        renewed: the part that renews leases, and whatever follows from it.
    """
    return f"""
with found as (
    select part.*, g.message_id as running_id, g.owner_id, g.epoch as running_epoch, g.stop_requested
    from unnest(%(user_ids)s::text[], %(conversation_ids)s::uuid[], %(message_ids)s::uuid[], %(epochs)s::bigint[],
            %(start_offsets)s::bigint[], %(texts)s::text[], %(token_counts)s::bigint[], %(renewals)s::boolean[])
        with ordinality as part (user_id, conversation_id, message_id, epoch, start_offset, text, token_count,
            renew, number)
        join generations as g on g.user_id = part.user_id and g.conversation_id = part.conversation_id
    offset 0
),
held as (
    select *
    from found
    where running_id = message_id and owner_id = %(owner_id)s and running_epoch = epoch
),
stored as (
    insert into deltas (user_id, message_id, start_offset, text, token_count)
    select user_id, message_id, start_offset, text, token_count
    from held
    where text <> ''
    on conflict (user_id, message_id, start_offset) do nothing
),
{renewed}
select part.number, held.stop_requested
from generate_subscripts(%(message_ids)s::uuid[], 1) as part (number)
    left join held on held.number = part.number
where held.number is null or held.stop_requested
"""  # noqa: S608 - the part is a literal


CHECKPOINT = _checkpoint_statement("""renewed as (
    update generations as g
    set lease_until = now() + make_interval(secs => %(lease_seconds)s)
    from held
    where held.renew and g.user_id = held.user_id and g.conversation_id = held.conversation_id
        and g.owner_id = %(owner_id)s and g.epoch = held.epoch
)""")

# Pieces stay when their reply ends, so no foreign key refuses the pieces of a reply that has just ended. The update
# takes the row of the generation instead, and pieces are stored only for rows that are still there.
CHECKPOINT_WITH_PIECES = _checkpoint_statement("""renewed as (
    update generations as g
    set lease_until = case when held.renew then now() + make_interval(secs => %(lease_seconds)s)
            else g.lease_until end,
        has_pieces = g.has_pieces or held.number = any(%(numbers)s::bigint[])
    from held
    where (held.renew or held.number = any(%(numbers)s::bigint[])) and g.user_id = held.user_id
        and g.conversation_id = held.conversation_id and g.owner_id = %(owner_id)s and g.epoch = held.epoch
    returning g.user_id, g.message_id, held.number
),
stored_pieces as (
    insert into pieces (user_id, message_id, position, text_offset, kind, body)
    select renewed.user_id, renewed.message_id, piece.position, piece.text_offset, piece.kind, piece.body
    from unnest(%(numbers)s::bigint[], %(positions)s::bigint[], %(text_offsets)s::bigint[], %(kinds)s::text[],
            %(bodies)s::text[]) as piece (number, position, text_offset, kind, body)
        join renewed on renewed.number = piece.number
    on conflict (user_id, message_id, position) do nothing
)""")


async def checkpoint(database: Database, owner_id: OwnerId, parts: Sequence[Progress]) -> Sequence[LeaseStatus]:
    """Stores the parts whose lease is the current one, as the port says."""
    numbered = [(number, piece) for number, part in enumerate(parts, start=1) for piece in part.pieces]
    parameters = _parameters(owner_id, parts)
    if numbered:
        numbers = Integers([number for number, _ in numbered])
        parameters |= {"numbers": numbers, **piece_parameters([piece for _, piece in numbered])}
    statement = CHECKPOINT_WITH_PIECES if numbered else CHECKPOINT
    reported = await database.fetch(statement, parameters, plan_anew=True)
    statuses = [LeaseStatus.HELD] * len(parts)
    for number, stop_requested in reported:
        statuses[number - 1] = LeaseStatus.STOP_REQUESTED if stop_requested else LeaseStatus.LOST
    return statuses


def _parameters(owner_id: OwnerId, parts: Sequence[Progress]) -> dict[str, object]:
    leases = [part.lease for part in parts]
    return {
        "owner_id": owner_id,
        "lease_seconds": LEASE_SECONDS,
        "user_ids": Texts([lease.user_id for lease in leases]),
        "conversation_ids": Uuids([lease.conversation_id for lease in leases]),
        "message_ids": Uuids([lease.message_id for lease in leases]),
        "epochs": Integers([lease.epoch for lease in leases]),
        "start_offsets": Integers([part.start_offset for part in parts]),
        "texts": Texts([part.text for part in parts]),
        "token_counts": Integers([part.token_count for part in parts]),
        "renewals": Bools([part.renew for part in parts]),
    }
