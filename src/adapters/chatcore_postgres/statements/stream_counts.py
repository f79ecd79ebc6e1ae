"""How many streams users have open, by process."""

# A process writes only rows of its own, so nobody waits here for anybody else.
#
# Users are looked up by `any`, here and below, and not joined: however many there are, and whatever the planner thinks
# of so short-lived a table, each costs one look into the key.
PUBLISH_STREAM_COUNTS = """
with taken_back as (
    delete from open_streams
    where user_id = any(%(gone)s::text[]) and process_id = %(process_id)s
)
insert into open_streams (user_id, process_id, streams, valid_until)
select user_id, %(process_id)s, streams, now() + make_interval(secs => %(valid_seconds)s)
from unnest(%(user_ids)s::text[], %(counts)s::bigint[]) as said (user_id, streams)
on conflict (user_id, process_id) do update set streams = excluded.streams, valid_until = excluded.valid_until
returning streams
"""

# Not part of the statement before: that one would look with a snapshot from before its own rows could be seen, and of
# two processes that publish at the same time neither would find the other.
COUNT_STREAMS_ELSEWHERE = """
select user_id, sum(streams)::bigint
from open_streams
where user_id = any(%(user_ids)s::text[]) and process_id <> %(process_id)s and valid_until > now()
group by user_id
"""

# In one order for all processes that sweep, so that none of them waits for one that waits for it.
FORGET_STREAM_COUNTS = """
delete from open_streams as s
using (
    select user_id, process_id
    from open_streams
    where valid_until < now()
    order by user_id, process_id
    limit %(limit)s
) as silent
where s.user_id = silent.user_id and s.process_id = silent.process_id and s.valid_until < now()
returning s.process_id
"""
