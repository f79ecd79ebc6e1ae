"""Reads one message, and requests the stop of a reply."""

from collections.abc import Sequence

from chatcore.conversations.message import ConversationId, Message, MessageId
from chatcore.errors import MessageNotFoundError
from chatcore.user import UserId
from chatcore_postgres.driver.database import Database, Row
from chatcore_postgres.rows import to_messages, whole_message

# Here and in other statements, `conversation_id is not distinct from` only compares. With a plain `=` the planner,
# which believes that few rows share a conversation, might read the whole conversation by the column's index.
GET_MESSAGE = f"""
select {whole_message()}
from messages as m
where m.user_id = %(user_id)s and m.id = %(message_id)s and m.conversation_id is not distinct from %(conversation_id)s
"""  # noqa: S608 - the columns and expressions are literals

# The owner reads the flag at its next checkpoint. If the generation has ended, there is nothing to stop.
REQUEST_STOP = f"""
with asked as (
    update generations set stop_requested = true
    where user_id = %(user_id)s and conversation_id = %(conversation_id)s and message_id = %(message_id)s
        and not stop_requested
)
select {whole_message()}
from messages as m
where m.user_id = %(user_id)s and m.id = %(message_id)s and m.conversation_id is not distinct from %(conversation_id)s
"""  # noqa: S608 - the columns and expressions are literals


async def get_message(
    database: Database, user_id: UserId, conversation_id: ConversationId, message_id: MessageId
) -> Message:
    """Returns one message of a conversation, as the port says."""
    rows = await database.fetch(GET_MESSAGE, _key(user_id, conversation_id, message_id))
    return _one_message(user_id, conversation_id, rows)


async def request_stop(
    database: Database, user_id: UserId, conversation_id: ConversationId, message_id: MessageId
) -> Message:
    """Asks the owner of a reply to stop, as the port says."""
    rows = await database.fetch(REQUEST_STOP, _key(user_id, conversation_id, message_id))
    return _one_message(user_id, conversation_id, rows)


def _key(user_id: UserId, conversation_id: ConversationId, message_id: MessageId) -> dict[str, object]:
    return {"user_id": user_id, "conversation_id": conversation_id, "message_id": message_id}


def _one_message(user_id: UserId, conversation_id: ConversationId, rows: Sequence[Row]) -> Message:
    if not rows:
        raise MessageNotFoundError
    return to_messages(user_id, conversation_id, rows)[0]
