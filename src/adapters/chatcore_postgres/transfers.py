"""Exports and imports conversations in PostgreSQL."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from uuid import UUID

from chatcore.conversations.conversation import Conversation
from chatcore.conversations.log import bytes_of
from chatcore.conversations.message import ConversationId, Message, MessageId
from chatcore.ports import Addition
from chatcore.transfers.transferred import TransferredConversation
from chatcore.user import UserId
from chatcore_postgres.driver.arrays import Integers, Texts, Uuids
from chatcore_postgres.driver.database import Connection, fetch_on
from chatcore_postgres.driver.database_share import DatabaseShare
from chatcore_postgres.driver.transaction import several_round_trips
from chatcore_postgres.rows import CONVERSATION_COLUMNS, active_reply_of, change_number, listed, to_conversations
from chatcore_postgres.search.queue import queue_messages, queue_titles

LIST_BY_ID = f"""
select {listed(CONVERSATION_COLUMNS)}, {active_reply_of("conversations")}
from conversations
where user_id = %(user_id)s and id > %(after)s
order by id
limit %(limit)s
"""  # noqa: S608 - the columns are literals

READ_USAGES = """
select id, usage
from messages
where user_id = %(user_id)s and id = any(%(message_ids)s) and usage is not null
    and conversation_id is not distinct from %(conversation_id)s
"""

ADD_CONVERSATION = f"""
with added as (
    insert into conversations (user_id, {listed(CONVERSATION_COLUMNS)}, next_position, changed_xid)
    values (%(user_id)s, {listed(f"%({name})s" for name in CONVERSATION_COLUMNS)}, %(next_position)s,
        {change_number()})
    on conflict (user_id, id) do nothing
    returning id
)
{queue_titles("added")}
returning conversation_id
"""  # noqa: S608 - the columns are literals

# An array of ours has no nulls. So a null is sent as the id of the message itself, as -1 or as an empty text.
ADD_MESSAGES = f"""
with added as (
    insert into messages (
        user_id, id, conversation_id, parent_id, position, role, content, status, error, token_count, model_tag,
        inference_time_ms, created_at, finish_reason, usage, cuts, pieces_bytes
    )
    select
        %(user_id)s, id, %(conversation_id)s, nullif(parent_id, id), position, role, content, status, nullif(error, ''),
        token_count, model_tag, inference_time_ms, created_at, nullif(finish_reason, ''), nullif(usage, ''),
        nullif(cuts, '')::bigint[], nullif(pieces_bytes, -1)
    from unnest(
        %(ids)s, %(parent_ids)s, %(positions)s, %(roles)s, %(contents)s, %(statuses)s, %(errors)s, %(token_counts)s,
        %(model_tags)s, %(inference_times_ms)s, %(created_at)s::timestamptz[], %(finish_reasons)s, %(usages)s, %(cuts)s,
        %(pieces_bytes)s
    ) as sent (
        id, parent_id, position, role, content, status, error, token_count, model_tag, inference_time_ms, created_at,
        finish_reason, usage, cuts, pieces_bytes
    )
    on conflict (user_id, id) do nothing
    returning id
)
{queue_messages("added")}
returning message_id
"""  # noqa: S608 - the insert is a literal

ADD_PIECES = """
insert into pieces (user_id, message_id, position, text_offset, kind, body)
select %(user_id)s, message_id, position, text_offset, kind, body
from unnest(%(message_ids)s, %(positions)s, %(text_offsets)s, %(kinds)s, %(bodies)s)
    as added (message_id, position, text_offset, kind, body)
returning message_id
"""

# The setting holds for one transaction. A connection keeps the plans of its checks of foreign keys. Those that it made
# while the tables were almost empty read all messages of the user for each piece, until the tables are analysed.
PLAN_ANEW = "select set_config('plan_cache_mode', 'force_custom_plan', true)"

#: The longest time for one conversation, which may have 64 MiB.
ADD_SECONDS = 60.0
# One statement stores so many messages, and no more bytes of text, unless it stores one message.
_MAX_BATCH_MESSAGES = 200
_MAX_BATCH_CHARS = 256 * 1024

_BEFORE_ALL = UUID(int=0)


async def list_by_id(
    database: DatabaseShare, user_id: UserId, after: ConversationId | None, limit: int
) -> Sequence[Conversation]:
    """Returns conversations in the order of their ids, as the port says."""
    parameters = {"user_id": user_id, "after": after or _BEFORE_ALL, "limit": limit}
    return to_conversations(user_id, await database.fetch(LIST_BY_ID, parameters))


async def read_usages(
    database: DatabaseShare, user_id: UserId, conversation_id: ConversationId, message_ids: Sequence[MessageId]
) -> Mapping[MessageId, str]:
    """Returns what replies cost, as the port says."""
    names = {"user_id": user_id, "conversation_id": conversation_id}
    return dict(await database.fetch(READ_USAGES, {**names, "message_ids": Uuids(message_ids)}))


async def add(database: DatabaseShare, transferred: TransferredConversation) -> Addition:
    """Stores a conversation with its messages, as the port says."""

    async def unit(connection: Connection) -> Addition:
        try:
            async with several_round_trips(connection):
                await fetch_on(connection, PLAN_ANEW, {})
                return await _add_on(connection, transferred)
        except _IdTakenError:
            return Addition.MESSAGE_ID_TAKEN

    return await database.run(unit, timeout_seconds=ADD_SECONDS)


class _IdTakenError(Exception):
    """Rolls a transaction back because a message has the id of another one."""


async def _add_on(connection: Connection, transferred: TransferredConversation) -> Addition:
    if not await fetch_on(connection, ADD_CONVERSATION, _conversation_parameters(transferred)):
        return Addition.PRESENT
    for batch in _batches(transferred.messages):
        if len(await fetch_on(connection, ADD_MESSAGES, _message_parameters(transferred, batch))) < len(batch):
            raise _IdTakenError
        if any(message.pieces for message in batch):
            await fetch_on(connection, ADD_PIECES, _piece_parameters(transferred, batch))
    return Addition.ADDED


def _conversation_parameters(transferred: TransferredConversation) -> dict[str, object]:
    conversation = transferred.conversation
    values = {name: getattr(conversation, name) for name in CONVERSATION_COLUMNS}
    values["title_source"] = conversation.title_source.value
    return {"user_id": conversation.user_id, **values, "next_position": len(transferred.messages) + 1}


def _batches(messages: Iterable[Message]) -> Iterator[Sequence[Message]]:
    batch: list[Message] = []
    chars = 0
    for message in messages:
        chars += message.log_length
        if batch and (chars > _MAX_BATCH_CHARS or len(batch) == _MAX_BATCH_MESSAGES):
            yield batch
            batch, chars = [], message.log_length
        batch.append(message)
    if batch:
        yield batch


def _message_parameters(transferred: TransferredConversation, batch: Sequence[Message]) -> dict[str, object]:
    return {
        "user_id": transferred.conversation.user_id,
        "conversation_id": transferred.conversation.id,
        "ids": Uuids(message.id for message in batch),
        "parent_ids": Uuids(message.parent_id or message.id for message in batch),
        "positions": Integers(message.position for message in batch),
        "roles": Texts(message.role.value for message in batch),
        "contents": Texts(message.content for message in batch),
        "statuses": Texts(message.status.value for message in batch),
        "errors": Texts(message.error.value if message.error else "" for message in batch),
        "token_counts": Integers(message.token_count or 0 for message in batch),
        "model_tags": Texts(message.model_tag for message in batch),
        "inference_times_ms": Integers(message.inference_time_ms or 0 for message in batch),
        "created_at": [message.created_at for message in batch],
        "finish_reasons": Texts(message.finish_reason.value if message.finish_reason else "" for message in batch),
        "usages": Texts(transferred.usages.get(message.id, "") for message in batch),
        "cuts": Texts(f"{{{','.join(map(str, message.cuts))}}}" if message.cuts else "" for message in batch),
        "pieces_bytes": Integers(-1 if (size := bytes_of(message.pieces)) is None else size for message in batch),
    }


def _piece_parameters(transferred: TransferredConversation, batch: Sequence[Message]) -> dict[str, object]:
    pieces = [(message.id, piece) for message in batch for piece in message.pieces]
    return {
        "user_id": transferred.conversation.user_id,
        "message_ids": Uuids(id_ for id_, _ in pieces),
        "positions": Integers(piece.position for _, piece in pieces),
        "text_offsets": Integers(piece.text_offset for _, piece in pieces),
        "kinds": Texts(piece.kind.value for _, piece in pieces),
        "bodies": Texts(piece.body for _, piece in pieces),
    }
