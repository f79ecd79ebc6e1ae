-- no-transaction
-- The index serves the feeds of many users at once, each of whom has few recent changes.

create index concurrently conversations_by_change on conversations (user_id, changed_xid);
