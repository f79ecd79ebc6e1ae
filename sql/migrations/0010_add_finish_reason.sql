-- The model says why a reply ended, and what it cost, in the closing frame. Both are null where the model does not say,
-- and in the messages of the previous version of the service, which goes on writing messages without these columns.
-- `usage` is the JSON that the model sent, as text: jsonb would refuse and change some of it.
alter table messages
    add column finish_reason text,
    add column usage         text;
