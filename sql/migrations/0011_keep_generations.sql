-- A process that takes a reply over finishes it, so the row of a generation keeps what the model was asked for. All
-- columns have constant defaults and need no rewrite: the previous version of the service goes on inserting without
-- them. A generation without a request is one of that version, and ends at its takeover as before.

-- Where each generation after the first began in the reply's log, in code points. Null stands for none.
alter table messages add column cuts bigint[];

alter table generations
    -- The sampling parameters and the trace id, in JSON.
    add column request text,
    -- Where the text of this request begins: 0, or the length of the reply that it continues.
    add column begins_at bigint not null default 0,
    -- The number of generations of the reply so far, this one included.
    add column number integer not null default 1,
    -- How many owners let their lease expire. What ends one process must not travel on to all others.
    add column expired_leases integer not null default 0,
    -- The final state to which a continuation without new text returns, in JSON; null if no reply is continued.
    add column restores text;

-- The number of tokens whose text the delta has.
alter table deltas add column token_count integer not null default 0;

-- Where the text of the request begins in the reply. A repeat with the key gets the text from there on.
alter table idempotency_keys add column begins_at bigint not null default 0;
