-- A send that is repeated, by a retry or a second tab, is one send. The key is recorded by the statement that stores
-- the message, so there is no moment at which one exists without the other.

create table idempotency_keys (
    user_id         text        not null,
    key             text        not null,
    -- SHA-256 of what was sent under the key.
    fingerprint     bytea       not null,
    conversation_id uuid        not null,
    user_message_id uuid        not null,
    reply_id        uuid        not null,
    created_at      timestamptz not null,
    constraint idempotency_keys_pkey primary key (user_id, key),
    constraint idempotency_keys_conversation_fkey foreign key (user_id, conversation_id)
        references conversations (user_id, id) on delete cascade
);

-- Keys are forgotten by age, oldest first, in small batches.
create index idempotency_keys_by_age on idempotency_keys (created_at);
