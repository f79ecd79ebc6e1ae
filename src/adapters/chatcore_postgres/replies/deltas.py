"""Reads the stored text of running replies, for readers in other processes."""

from collections.abc import Sequence

from chatcore.ports.replies import DeltaRead, DeltaReader
from chatcore_postgres.driver.arrays import Integers, Texts, Uuids
from chatcore_postgres.driver.database import Database, Row

# The statement reads from the delta that contains the reader's offset to the delta in which its room ends; the caller
# cuts off the rest at both ends. The length of the text that follows is not looked up: a lookup would cost all readers
# a tenth more, and no caller uses the length.
#
# `found` has a row for each running reply, and the last part adds the readers of the others. Citus refuses to join the
# readers, which are in no table, to a table with a left join.
READ_DELTAS = """
with found as (
    select reader.number, stored.start_offset, stored.text, g.number as generation
    from unnest(%(user_ids)s::text[], %(conversation_ids)s::uuid[], %(message_ids)s::uuid[], %(offsets)s::bigint[],
            %(untils)s::bigint[])
        with ordinality as reader (user_id, conversation_id, message_id, "offset", until, number)
        join generations as g on g.user_id = reader.user_id and g.conversation_id = reader.conversation_id
            and g.message_id = reader.message_id
        left join lateral (
            select min(d.start_offset) as start_offset, string_agg(d.text, '' order by d.start_offset) as text
            from deltas as d
            where d.user_id = g.user_id and d.message_id = g.message_id and d.start_offset >= (
                select coalesce(max(b.start_offset), 0)
                from deltas as b
                where b.user_id = g.user_id and b.message_id = g.message_id and b.start_offset <= reader."offset"
            ) and d.start_offset < reader.until
        ) as stored on true
)
select coalesce(found.generation, 0), found.start_offset, found.text
from generate_subscripts(%(message_ids)s::uuid[], 1) as reader (number)
    left join found on found.number = reader.number
order by reader.number
"""


async def read_deltas(database: Database, readers: Sequence[DeltaReader]) -> Sequence[DeltaRead]:
    """Returns the text that each reader is missing and has room for, as the port says."""
    rows = await database.fetch(
        READ_DELTAS,
        {
            "user_ids": Texts([reader.user_id for reader in readers]),
            "conversation_ids": Uuids([reader.conversation_id for reader in readers]),
            "message_ids": Uuids([reader.message_id for reader in readers]),
            "offsets": Integers([reader.offset for reader in readers]),
            "untils": Integers([reader.offset + reader.room for reader in readers]),
        },
        plan_anew=True,
    )
    return [_read(reader, row) for reader, row in zip(readers, rows, strict=True)]


def _read(reader: DeltaReader, row: Row) -> DeltaRead:
    generation, start_offset, text = row
    is_live = generation > 0
    if text is None:
        return DeltaRead("", 0, is_live, generation)
    end_offset = min(start_offset + len(text), reader.offset + reader.room)
    missing = text[max(0, reader.offset - start_offset) : end_offset - start_offset]
    return DeltaRead(missing, end_offset, is_live, generation)
