-- Clients keep in step by asking what has changed since they last asked. Change times cannot answer that: a row that is
-- committed late has an earlier time than rows that were shown before. Transaction ids can, together with snapshots.

-- The transaction that last changed the conversation, in any field, or began or ended a reply in it. Null if that was
-- before this migration, which concerns nobody: no client has a place before it.
alter table conversations add column changed_xid bigint;

-- What the previous version of the service creates is a change, too. Its updates are not, since it does not set the
-- column: clients see what it changed at the next change by this version, or when they load the list.
alter table conversations alter column changed_xid set default pg_current_xact_id()::text::bigint;

-- Deletions, for as long as clients may ask for them. The previous version of the service leaves none.
create table deleted_conversations (
    user_id     text        not null,
    id          uuid        not null,
    changed_xid bigint      not null,
    deleted_at  timestamptz not null,
    constraint deleted_conversations_pkey primary key (user_id, id)
);

create index deleted_conversations_by_change on deleted_conversations (user_id, changed_xid);

create index deleted_conversations_by_age on deleted_conversations (deleted_at);
