"""Stores the last text and pieces of a reply whose owner shuts down, and gives its lease up."""

from chatcore.replies.lease import Progress
from chatcore_postgres.driver.database import Database
from chatcore_postgres.replies.finish import lease_parameters
from chatcore_postgres.replies.pieces import insert_pieces, piece_parameters

# A lease that ended before all time was given up, and has not expired.
HAND_OVER = f"""
with given as (
    update generations
    set lease_until = '-infinity', has_pieces = has_pieces or cardinality(%(positions)s::bigint[]) > 0
    where user_id = %(user_id)s and conversation_id = %(conversation_id)s and message_id = %(message_id)s
        and owner_id = %(owner_id)s and epoch = %(epoch)s
    returning user_id, message_id
),
stored as (
    insert into deltas (user_id, message_id, start_offset, text, token_count)
    select user_id, message_id, %(start_offset)s::bigint, %(text)s::text, %(token_count)s::integer
    from given
    where %(text)s::text <> ''
    on conflict (user_id, message_id, start_offset) do nothing
),
stored_pieces as ({insert_pieces("given")}
)
select from given
"""  # noqa: S608 - the insert is a literal


async def hand_over(database: Database, part: Progress) -> bool:
    """Stores the last text and pieces of an owner and gives its lease up, as the port says."""
    rows = await database.fetch(
        HAND_OVER,
        {
            **lease_parameters(part.lease),
            "start_offset": part.start_offset,
            "text": part.text,
            "token_count": part.token_count,
            **piece_parameters(part.pieces),
        },
    )
    return bool(rows)
