-- A generation is a reply in the making: who makes it, until when, and at which attempt. The row lives exactly as
-- long as the reply is being made.
--
-- Two rules hold by construction, whatever races: the primary key allows one reply in the making a conversation, and
-- each of a user's generations takes a slot of its own, so that the user's limit is a number of slots.
--
-- A lease is renewed every few seconds. No index holds a column that a renewal or a stop request changes, and pages
-- are left partly empty, so a renewal is a heap-only update: it writes no index and leaves nothing for vacuum. The
-- sweep for leases that ran out therefore reads the whole table, which holds live replies only.

create table generations (
    user_id          text        not null,
    conversation_id  uuid        not null,
    message_id       uuid        not null,
    slot             integer     not null,
    owner_id         uuid        not null,
    epoch            integer     not null,
    lease_until      timestamptz not null,
    stop_requested   boolean     not null default false,
    -- Where the conversation's head goes back to when the reply comes to nothing.
    fallback_head_id uuid,
    started_at       timestamptz not null,
    constraint generations_pkey primary key (user_id, conversation_id),
    constraint generations_message_key unique (user_id, message_id),
    constraint generations_slot_key unique (user_id, slot),
    constraint generations_message_fkey foreign key (user_id, message_id)
        references messages (user_id, id) on delete cascade,
    constraint generations_slot_check check (slot >= 1),
    constraint generations_epoch_check check (epoch >= 1)
) with (fillfactor = 50);
