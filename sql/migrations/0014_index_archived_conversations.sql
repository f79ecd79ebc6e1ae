-- no-transaction
-- A list has the archived conversations of a user or the others. Without this index, the list of a user who has archived
-- almost everything would read all that in front of the rest. The previous version of the service still uses
-- conversations_by_update.

create index concurrently conversations_by_archive on conversations (user_id, is_archived, updated_at desc, id desc);
