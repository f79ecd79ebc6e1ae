-- How many streams a user has open on each process, so that the user's limit holds over all of them. Every process says
-- so itself, a few times a second at most, and again every few seconds; of one that was killed nothing is left to be
-- believed once its rows have run out.
--
-- Unlogged: rows live for seconds, and are said again when they are lost. Nothing waits for the disk on their account.
-- As with leases, no index holds a column that changes, and pages are left partly empty.

create unlogged table open_streams (
    user_id     text        not null,
    process_id  uuid        not null,
    streams     integer     not null,
    valid_until timestamptz not null,
    constraint open_streams_pkey primary key (user_id, process_id),
    constraint open_streams_streams_check check (streams >= 1)
) with (fillfactor = 50);
