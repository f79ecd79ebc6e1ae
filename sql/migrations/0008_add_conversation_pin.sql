-- A user pins a conversation to find it again. The constant default needs no rewrite of the table, and the previous
-- version of the service, which does not know the column, goes on inserting without it.
alter table conversations add column is_pinned boolean not null default false;
