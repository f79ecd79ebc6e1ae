-- no-transaction
-- The versions of a message have the same parent, and a deletion takes away what is below a message. Without this index
-- each of them looks at all messages of the conversation. A first message has no parent and is found by its conversation.

create index concurrently messages_by_parent
    on messages (user_id, coalesce(parent_id, conversation_id), position);
