-- A reply is a log of parts: text, reasoning, and data. The deltas stay text alone, so that the previous version of the
-- service can end a reply that this version began. Everything else is in pieces, which stay with the message.
create table pieces (
    user_id     text   not null,
    message_id  uuid   not null,
    -- Where the piece begins in the log, in code points of all parts.
    position    bigint not null,
    -- How much text precedes the piece, in code points.
    text_offset bigint not null,
    kind        text   not null,
    -- The reasoning, or the JSON of an object, as text: jsonb would refuse and change some of it.
    body        text   not null,
    constraint pieces_pkey primary key (user_id, message_id, position),
    constraint pieces_message_fkey foreign key (user_id, message_id)
        references messages (user_id, id) on delete cascade,
    constraint pieces_position_check check (position >= text_offset and text_offset >= 0),
    constraint pieces_kind_check check (kind in ('reasoning', 'data'))
);

-- How much of a finished reply is not text, in bytes. Null if all of it is, and for a reply that the previous version
-- of the service has ended.
alter table messages add column pieces_bytes integer;

-- Whether pieces of the running reply are stored, so that readers look for them only then.
alter table generations add column has_pieces boolean not null default false;
