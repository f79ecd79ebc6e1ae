"""Reads the stored logs of running replies, for readers in other processes."""

from collections.abc import Sequence

from chatcore.conversations.log import Stretch, stretches_between
from chatcore.ports.replies import DeltaRead, DeltaReader
from chatcore_postgres.driver.arrays import Integers, Texts, Uuids
from chatcore_postgres.driver.database import Database, Row
from chatcore_postgres.replies.pieces import pieces_between, text_offset
from chatcore_postgres.rows import to_pieces

# The statement reads from the delta that contains the reader's place in the text to the delta in which its room ends;
# the caller cuts off the rest at both ends. The length of what follows is not looked up: a lookup would cost all
# readers a tenth more, and no caller uses the length.
#
# A reader's place in the text is looked up only if the reply has more than text: the place in the log then differs by
# the length of all pieces before.
#
# `found` has a row for each running reply, and the last part adds the readers of the others. Citus refuses to join the
# readers, which are in no table, to a table with a left join.
READ_DELTAS = f"""
with found as (
    select reader.number, place.text_offset, stored.start_offset, stored.text, g.number as generation,
        case when g.has_pieces then {pieces_between("g.user_id", "g.message_id", "reader.position", "reader.room")} end
            as pieces
    from unnest(%(user_ids)s::text[], %(conversation_ids)s::uuid[], %(message_ids)s::uuid[], %(positions)s::bigint[],
            %(rooms)s::bigint[])
        with ordinality as reader (user_id, conversation_id, message_id, position, room, number)
        join generations as g on g.user_id = reader.user_id and g.conversation_id = reader.conversation_id
            and g.message_id = reader.message_id
        cross join lateral (
            select case when g.has_pieces then {text_offset("g.user_id", "g.message_id", "reader.position")}
                else reader.position end as text_offset
        ) as place
        left join lateral (
            select min(d.start_offset) as start_offset, string_agg(d.text, '' order by d.start_offset) as text
            from deltas as d
            where d.user_id = g.user_id and d.message_id = g.message_id and d.start_offset >= (
                select coalesce(max(b.start_offset), 0)
                from deltas as b
                where b.user_id = g.user_id and b.message_id = g.message_id and b.start_offset <= place.text_offset
            ) and d.start_offset < place.text_offset + reader.room
        ) as stored on true
)
select coalesce(found.generation, 0), found.text_offset, found.start_offset, found.text, found.pieces
from generate_subscripts(%(message_ids)s::uuid[], 1) as reader (number)
    left join found on found.number = reader.number
order by reader.number
"""  # noqa: S608 - the expressions are literals


async def read_deltas(database: Database, readers: Sequence[DeltaReader]) -> Sequence[DeltaRead]:
    """Returns what each reader is missing and has room for, as the port says."""
    rows = await database.fetch(
        READ_DELTAS,
        {
            "user_ids": Texts([reader.user_id for reader in readers]),
            "conversation_ids": Uuids([reader.conversation_id for reader in readers]),
            "message_ids": Uuids([reader.message_id for reader in readers]),
            "positions": Integers([reader.position for reader in readers]),
            "rooms": Integers([reader.room for reader in readers]),
        },
        plan_anew=True,
    )
    return [_read(reader, row) for reader, row in zip(readers, rows, strict=True)]


def _read(reader: DeltaReader, row: Row) -> DeltaRead:
    generation, text_offset, start_offset, text, pieces = row
    if not generation:
        return DeltaRead((), 0, is_live=False)
    text_end = min(start_offset + len(text), text_offset + reader.room) if text else 0
    if text_end < text_offset:
        # The reader has more than is stored.
        return DeltaRead((), reader.position - (text_offset - text_end), is_live=True, generation=generation)
    missing = text[text_offset - start_offset : text_end - start_offset] if text else ""
    if pieces:
        stretches = tuple(
            stretches_between(
                reader.position, reader.room, text=missing, text_offset=text_offset, pieces=to_pieces(pieces)
            )
        )
    else:
        stretches = (Stretch(missing, reader.position + len(missing)),) if missing else ()
    end = stretches[-1].end_offset if stretches else reader.position
    return DeltaRead(stretches, end, is_live=True, generation=generation)
