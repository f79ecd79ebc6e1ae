-- Messages and titles are found by their terms, which the core makes of a text. Nothing here concerns the previous
-- version of the service: the texts that it stores do not wait in the queue, and a walk through all texts finds them, as
-- it finds those that are stored already.

-- What waits for being indexed. An entry says that the message may be new, and that the title may be.
create table search_queue (
    user_id         text        not null,
    id              bigint      generated always as identity,
    conversation_id uuid        not null,
    -- Null if only the title waits.
    message_id      uuid,
    -- Until when a process has the entry for itself.
    claimed_until   timestamptz not null default '-infinity',
    constraint search_queue_pkey primary key (user_id, id)
) with (fillfactor = 70);

create index search_queue_in_order on search_queue (id);

-- Each term begins with a hash of its user. So a search costs what the texts of its user cost, whoever else has the
-- same words, and takes no longer or shorter for them.
create table search_terms (
    user_id         text     not null,
    message_id      uuid     not null,
    conversation_id uuid     not null,
    position        bigint   not null,
    -- The length of the text that was indexed: the text of a reply grows when the reply is continued.
    text_bytes      integer  not null,
    terms           tsvector not null,
    constraint search_terms_pkey primary key (user_id, message_id),
    constraint search_terms_message_fkey foreign key (user_id, message_id)
        references messages (user_id, id) on delete cascade
);

-- A list of pending entries would be written to the index by whichever search or insert finds it full.
create index search_terms_by_term on search_terms using gin (terms) with (fastupdate = off);

-- A term that a great many texts have is looked for in the newest conversations, without the index of terms.
create index search_terms_by_conversation on search_terms (user_id, conversation_id, position);

create table search_titles (
    user_id         text     not null,
    conversation_id uuid     not null,
    -- The title that was indexed.
    title           text     not null,
    terms           tsvector not null,
    constraint search_titles_pkey primary key (user_id, conversation_id),
    constraint search_titles_conversation_fkey foreign key (user_id, conversation_id)
        references conversations (user_id, id) on delete cascade
);

create index search_titles_by_term on search_titles using gin (terms) with (fastupdate = off);
