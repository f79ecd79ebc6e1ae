"""Watches leases from inside the database, by its clock: when one was given up or ran out, and when it was taken over.

How soon a replica gets to its next sweep depends on the machine; which sweep takes a reply over does not.
"""

from typing import Self

import psycopg
from attrs import frozen

_WATCH = """
create table lease_log (
    what       text        not null,
    message_id uuid,
    -- Since when another process may have the reply, and the transaction that gave the lease up, if one did.
    free_since timestamptz,
    given_up   xid8,
    began_at   timestamptz not null default statement_timestamp(),
    ended_at   timestamptz not null default clock_timestamp(),
    snapshot   pg_snapshot not null default pg_current_snapshot()
);

create function note_lease() returns trigger language plpgsql as $$
begin
    if new.lease_until = '-infinity' and old.lease_until > '-infinity' then
        insert into lease_log (what, message_id, given_up) values ('given up', new.message_id, pg_current_xact_id());
    elsif new.owner_id <> old.owner_id and old.lease_until > '-infinity' then
        insert into lease_log (what, message_id, free_since) values ('taken over', new.message_id, old.lease_until);
    elsif new.owner_id <> old.owner_id then
        insert into lease_log (what, message_id, free_since, given_up)
        select 'taken over', message_id, ended_at, given_up
        from lease_log
        where what = 'given up' and message_id = new.message_id
        order by ended_at desc
        limit 1;
    end if;
    return null;
end $$;

create function note_sweep() returns trigger language plpgsql as $$
begin
    -- Only sweeps name this column in an update.
    if current_query() like '%expired_leases = %' then
        insert into lease_log (what) values ('swept');
    end if;
    return null;
end $$;

create trigger note_lease after update on generations for each row execute function note_lease();
create trigger note_sweep before update on generations for each statement execute function note_sweep();
"""

# A sweep sees that a lease was given up once that is committed, which may take a while after `ended_at`.
_TAKEOVERS = """
select extract(epoch from taken.began_at - taken.free_since)::float8, taken.given_up is not null, (
        select count(*) from lease_log as swept
        where swept.what = 'swept' and swept.began_at > taken.free_since and swept.ended_at < taken.began_at
            and (taken.given_up is null or pg_visible_in_snapshot(taken.given_up, swept.snapshot))
    )
from lease_log as taken
where taken.what = 'taken over'
"""


@frozen
class Takeover:
    """What became of a lease that was given up or ran out."""

    #: Seconds from then to the statement that took the reply over.
    waited: float
    is_hand_over: bool
    #: How many sweeps began after that and left the reply alone. One may have waited for the sweep that took it.
    sweeps_in_vain: int


@frozen
class LeaseLog:
    """The log of all takeovers in one database."""

    database_url: str

    @classmethod
    async def begin(cls, database_url: str) -> Self:
        """Watches the leases of a migrated database from now on."""
        async with await psycopg.AsyncConnection.connect(database_url) as connection:
            await connection.execute(_WATCH)
        return cls(database_url)

    async def takeovers(self) -> list[Takeover]:
        """Returns all takeovers so far."""
        async with await psycopg.AsyncConnection.connect(self.database_url) as connection:
            return [Takeover(*row) for row in await (await connection.execute(_TAKEOVERS)).fetchall()]
