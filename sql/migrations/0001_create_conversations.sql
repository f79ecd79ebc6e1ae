-- A conversation is a row of its own, and its row is what everything else in it is ordered by: it is locked by every
-- statement that appends, it counts the positions, and it says which branch of the tree is being shown.
--
-- user_id comes first in every key of every table. No statement can be written without it, so none can read another
-- user's rows, and the tables can be distributed by it the day that one machine is not enough.

create table conversations (
    user_id       text        not null,
    id            uuid        not null,
    title         text        not null,
    title_source  text        not null,
    model_tag     text        not null,
    -- Null until there is a message. Not a foreign key: messages point here already, and a circle of keys could
    -- not be inserted in one statement.
    head_id       uuid,
    -- What orders messages is counted, never a clock: two replicas' clocks differ.
    next_position bigint      not null default 1,
    created_at    timestamptz not null,
    updated_at    timestamptz not null,
    constraint conversations_pkey primary key (user_id, id),
    constraint conversations_title_source_check check (title_source in ('default', 'auto', 'user')),
    constraint conversations_next_position_check check (next_position >= 1)
);

-- The list is read newest first, by offset and by keyset.
create index conversations_by_update on conversations (user_id, updated_at desc, id desc);
