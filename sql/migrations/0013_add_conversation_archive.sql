-- A user archives a conversation to keep it out of the list. The constant default needs no rewrite of the table. The
-- previous version of the service does not know the column: it goes on inserting without it, and lists archived
-- conversations with the others.
alter table conversations add column is_archived boolean not null default false;
