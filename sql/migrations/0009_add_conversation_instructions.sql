-- The model is told the instructions before all messages of the conversation; null stands for none. The previous version
-- of the service, which does not know the column, goes on inserting without it.
alter table conversations add column instructions text;
