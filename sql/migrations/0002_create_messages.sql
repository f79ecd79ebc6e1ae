-- Messages form a tree within their conversation: a regenerated reply stands beside the old one, under one parent.
--
-- parent_id is no foreign key. It is written only under the lock on the conversation's row, messages are deleted
-- only with their whole conversation, and the check would cost an index and two look-ups a turn for nothing.

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
    constraint messages_pkey primary key (user_id, id),
    constraint messages_position_key unique (user_id, conversation_id, position),
    constraint messages_conversation_fkey foreign key (user_id, conversation_id)
        references conversations (user_id, id) on delete cascade,
    constraint messages_position_check check (position >= 1),
    constraint messages_role_check check (role in ('user', 'assistant', 'system')),
    constraint messages_status_check
        check (status in ('streaming', 'complete', 'stopped', 'interrupted', 'failed'))
);

-- System messages go along with every turn, however old they are. They are few: the index stays tiny.
create index messages_of_system on messages (user_id, conversation_id, position) where role = 'system';
