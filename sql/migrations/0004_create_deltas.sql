-- A delta is a stretch of a reply's text that is safe already. Text is appended as rows: writing the whole text anew
-- at every checkpoint would write a hundred times as much log for a long answer.
--
-- The key makes a place in a reply something that can be filled once. The foreign key makes deltas live exactly as
-- long as the generation: none outlives it, and none can slip in after its end.

create table deltas (
    user_id      text   not null,
    message_id   uuid   not null,
    -- Where the text begins in the reply, in code points.
    start_offset bigint not null,
    text         text   not null,
    constraint deltas_pkey primary key (user_id, message_id, start_offset),
    constraint deltas_generation_fkey foreign key (user_id, message_id)
        references generations (user_id, message_id) on delete cascade,
    constraint deltas_start_offset_check check (start_offset >= 0)
);
