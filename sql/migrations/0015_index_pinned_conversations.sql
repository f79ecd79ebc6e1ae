-- no-transaction
-- The first page of a list has all pinned conversations, however old they are. Few conversations are pinned, so the index
-- costs the others nothing.

create index concurrently conversations_pinned on conversations (user_id, is_archived, updated_at desc, id desc)
    where is_pinned;
