"""Writes the final state of a reply and ends its generation."""

from typing import LiteralString

from chatcore.replies.lease import FinalState, Lease
from chatcore_postgres.driver.database import Database
from chatcore_postgres.replies.pieces import insert_pieces, piece_parameters
from chatcore_postgres.rows import change_number


def _finish_statement(*, written: LiteralString = "", further: LiteralString = "") -> LiteralString:
    """Composes a statement that ends a reply.

    The statement locks the row of the conversation first, and may be `stale`: see
    :mod:`chatcore_postgres.replies.begin`. A result is stale here when the generation that the snapshot shows could not
    be deleted, because another transaction deleted it while this statement waited.

    A repeat finds no generation, and recognises its own earlier work by the content of the message and the number
    of the generation: another process may have gone on with the reply and ended it with the same text.

    The head returns only from the reply: a user may have chosen another path meanwhile.

    Args:
        written: further columns of the message to set.
        further: further parts, each after a comma.
    """
    return f"""
with conversation as (
    select id
    from conversations
    where user_id = %(user_id)s and id = %(conversation_id)s
    for no key update
),
ended as (
    delete from generations as g
    using conversation
    where g.user_id = %(user_id)s and g.conversation_id = conversation.id and g.message_id = %(message_id)s
        and g.owner_id = %(owner_id)s and g.epoch = %(epoch)s
    returning g.fallback_head_id
),
written as (
    update messages as m
    set status = %(status)s, content = %(content)s, error = %(error)s, token_count = %(token_count)s,
        inference_time_ms = %(inference_time_ms)s, finish_reason = %(finish_reason)s, usage = %(usage)s{written}
    from ended
    where m.user_id = %(user_id)s and m.id = %(message_id)s
),
moved as (
    update conversations as c
    set head_id = case when %(returns_head)s and c.head_id = %(message_id)s then ended.fallback_head_id
            else c.head_id end,
        updated_at = greatest(c.updated_at, %(ended_at)s),
        changed_xid = {change_number()}
    from ended
    where c.user_id = %(user_id)s and c.id = %(conversation_id)s
),
to_index as (
    insert into search_queue (user_id, conversation_id, message_id)
    select %(user_id)s, %(conversation_id)s, %(message_id)s
    from ended
){further}
select
    case
        when exists (select from ended) then 'done'
        when exists (
            select
            from generations
            where user_id = %(user_id)s and conversation_id = %(conversation_id)s and message_id = %(message_id)s
                and owner_id = %(owner_id)s and epoch = %(epoch)s
        ) then 'stale'
        when exists (
            select
            from messages
            where user_id = %(user_id)s and id = %(message_id)s
                and conversation_id is not distinct from %(conversation_id)s
                and status = %(status)s and content = %(content)s and error is not distinct from %(error)s::text
                and pieces_bytes is not distinct from %(pieces_bytes)s::integer
                and coalesce(cardinality(cuts), 0) + 1 = %(generation)s::integer
        ) then 'done'
        else 'lost'
    end
"""  # noqa: S608 - the parts are literals


FINISH = _finish_statement()

# A reply that has more than text. What a continuation brought is deleted if it was no text.
FINISH_WITH_PIECES = _finish_statement(
    written=", pieces_bytes = %(pieces_bytes)s",
    further=f""",
stored_pieces as ({insert_pieces("ended")}
),
dropped_pieces as (
    delete from pieces as p
    using ended
    where p.user_id = %(user_id)s and p.message_id = %(message_id)s and p.position >= %(drops_pieces_from)s::bigint
)""",  # noqa: S608 - the insert is a literal
)


async def finish(database: Database, lease: Lease, final_state: FinalState) -> bool:
    """Writes the final state of a reply, as the port says."""
    statement, parameters = finish_statement(final_state), finish_parameters(lease, final_state)
    rows = await database.fetch_definite(statement, parameters)
    return bool(rows[0][0] == "done")


def lease_parameters(lease: Lease) -> dict[str, object]:
    """Returns the parameters by which a statement recognises the current lease."""
    return {
        "user_id": lease.user_id,
        "conversation_id": lease.conversation_id,
        "message_id": lease.message_id,
        "owner_id": lease.owner_id,
        "epoch": lease.epoch,
    }


def finish_statement(final_state: FinalState) -> LiteralString:
    """Returns the statement that writes a final state; a reply of text alone takes no further step."""
    return FINISH_WITH_PIECES if final_state.has_pieces else FINISH


def finish_parameters(lease: Lease, final_state: FinalState) -> dict[str, object]:
    """Returns the parameters of :func:`finish_statement`."""
    parameters = _parameters(lease, final_state)
    if final_state.has_pieces:
        parameters |= {
            "drops_pieces_from": final_state.drops_pieces_from,
            **piece_parameters(final_state.pieces),
        }
    return parameters


def _parameters(lease: Lease, final_state: FinalState) -> dict[str, object]:
    return {
        **lease_parameters(lease),
        "status": final_state.status.value,
        "content": final_state.content,
        "error": None if final_state.error is None else final_state.error.value,
        "token_count": final_state.token_count,
        "inference_time_ms": final_state.inference_time_ms,
        "finish_reason": None if final_state.finish_reason is None else final_state.finish_reason.value,
        "usage": final_state.usage,
        "pieces_bytes": final_state.pieces_bytes,
        "generation": final_state.generation,
        "returns_head": final_state.returns_head,
        "ended_at": final_state.ended_at,
    }
