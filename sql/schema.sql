-- This file shows readers the schema that the migrations produce. A test compares the file with the migrations; no
-- deployment applies the file. The migrations give the reasons. The file omits the migration runner's own table,
-- schema_migrations.

create table conversations (
    user_id       text        not null,
    id            uuid        not null,
    title         text        not null,
    title_source  text        not null,
    model_tag     text        not null,
    head_id       uuid,
    next_position bigint      not null default 1,
    created_at    timestamptz not null,
    updated_at    timestamptz not null,
    is_pinned     boolean     not null default false,
    instructions  text,
    is_archived   boolean     not null default false,
    changed_xid   bigint      default pg_current_xact_id()::text::bigint,
    constraint conversations_pkey primary key (user_id, id),
    constraint conversations_title_source_check check (title_source in ('default', 'auto', 'user')),
    constraint conversations_next_position_check check (next_position >= 1)
);

create index conversations_by_update on conversations (user_id, updated_at desc, id desc);

create index conversations_by_archive on conversations (user_id, is_archived, updated_at desc, id desc);

create index conversations_pinned on conversations (user_id, is_archived, updated_at desc, id desc) where is_pinned;

create index conversations_by_change on conversations (user_id, changed_xid);

create table messages (
    user_id           text        not null,
    id                uuid        not null,
    conversation_id   uuid        not null,
    parent_id         uuid,
    position          bigint      not null,
    role              text        not null,
    content           text        not null,
    status            text        not null,
    error             text,
    token_count       integer,
    model_tag         text,
    inference_time_ms integer,
    created_at        timestamptz not null,
    finish_reason     text,
    usage             text,
    cuts              bigint[],
    pieces_bytes      integer,
    constraint messages_pkey primary key (user_id, id),
    constraint messages_position_key unique (user_id, conversation_id, position),
    constraint messages_conversation_fkey foreign key (user_id, conversation_id)
        references conversations (user_id, id) on delete cascade,
    constraint messages_position_check check (position >= 1),
    constraint messages_role_check check (role in ('user', 'assistant', 'system')),
    constraint messages_status_check
        check (status in ('streaming', 'complete', 'stopped', 'interrupted', 'failed'))
);

create index messages_by_parent on messages (user_id, coalesce(parent_id, conversation_id), position);

-- No statement uses this index any more. A later migration may drop it, once no previous version runs.
create index messages_of_system on messages (user_id, conversation_id, position) where role = 'system';

create table generations (
    user_id          text        not null,
    conversation_id  uuid        not null,
    message_id       uuid        not null,
    slot             integer     not null,
    owner_id         uuid        not null,
    epoch            integer     not null,
    lease_until      timestamptz not null,
    stop_requested   boolean     not null default false,
    fallback_head_id uuid,
    started_at       timestamptz not null,
    request          text,
    begins_at        bigint      not null default 0,
    number           integer     not null default 1,
    expired_leases   integer     not null default 0,
    restores         text,
    has_pieces       boolean     not null default false,
    constraint generations_pkey primary key (user_id, conversation_id),
    constraint generations_message_key unique (user_id, message_id),
    constraint generations_slot_key unique (user_id, slot),
    constraint generations_message_fkey foreign key (user_id, message_id)
        references messages (user_id, id) on delete cascade,
    constraint generations_slot_check check (slot >= 1),
    constraint generations_epoch_check check (epoch >= 1)
) with (fillfactor = 50);

create table deltas (
    user_id      text   not null,
    message_id   uuid   not null,
    start_offset bigint not null,
    text         text   not null,
    token_count  integer not null default 0,
    constraint deltas_pkey primary key (user_id, message_id, start_offset),
    constraint deltas_generation_fkey foreign key (user_id, message_id)
        references generations (user_id, message_id) on delete cascade,
    constraint deltas_start_offset_check check (start_offset >= 0)
);

create table pieces (
    user_id     text   not null,
    message_id  uuid   not null,
    position    bigint not null,
    text_offset bigint not null,
    kind        text   not null,
    body        text   not null,
    constraint pieces_pkey primary key (user_id, message_id, position),
    constraint pieces_message_fkey foreign key (user_id, message_id)
        references messages (user_id, id) on delete cascade,
    constraint pieces_position_check check (position >= text_offset and text_offset >= 0),
    constraint pieces_kind_check check (kind in ('reasoning', 'data'))
);

create table idempotency_keys (
    user_id         text        not null,
    key             text        not null,
    fingerprint     bytea       not null,
    conversation_id uuid        not null,
    user_message_id uuid        not null,
    reply_id        uuid        not null,
    created_at      timestamptz not null,
    begins_at       bigint      not null default 0,
    constraint idempotency_keys_pkey primary key (user_id, key),
    constraint idempotency_keys_conversation_fkey foreign key (user_id, conversation_id)
        references conversations (user_id, id) on delete cascade
);

create index idempotency_keys_by_age on idempotency_keys (created_at);

create index idempotency_keys_by_conversation on idempotency_keys (user_id, conversation_id);

create unlogged table open_streams (
    user_id     text        not null,
    process_id  uuid        not null,
    streams     integer     not null,
    valid_until timestamptz not null,
    constraint open_streams_pkey primary key (user_id, process_id),
    constraint open_streams_streams_check check (streams >= 1)
) with (fillfactor = 50);

create table deleted_conversations (
    user_id     text        not null,
    id          uuid        not null,
    changed_xid bigint      not null,
    deleted_at  timestamptz not null,
    constraint deleted_conversations_pkey primary key (user_id, id)
);

create index deleted_conversations_by_change on deleted_conversations (user_id, changed_xid);

create index deleted_conversations_by_age on deleted_conversations (deleted_at);

create table search_queue (
    user_id         text        not null,
    id              bigint      generated always as identity,
    conversation_id uuid        not null,
    message_id      uuid,
    claimed_until   timestamptz not null default '-infinity',
    constraint search_queue_pkey primary key (user_id, id)
) with (fillfactor = 70);

create index search_queue_in_order on search_queue (id);

create table search_terms (
    user_id         text     not null,
    message_id      uuid     not null,
    conversation_id uuid     not null,
    position        bigint   not null,
    text_bytes      integer  not null,
    terms           tsvector not null,
    constraint search_terms_pkey primary key (user_id, message_id),
    constraint search_terms_message_fkey foreign key (user_id, message_id)
        references messages (user_id, id) on delete cascade
);

create index search_terms_by_term on search_terms using gin (terms) with (fastupdate = off);

create index search_terms_by_conversation on search_terms (user_id, conversation_id, position);

create table search_titles (
    user_id         text     not null,
    conversation_id uuid     not null,
    title           text     not null,
    terms           tsvector not null,
    constraint search_titles_pkey primary key (user_id, conversation_id),
    constraint search_titles_conversation_fkey foreign key (user_id, conversation_id)
        references conversations (user_id, id) on delete cascade
);

create index search_titles_by_term on search_titles using gin (terms) with (fastupdate = off);
