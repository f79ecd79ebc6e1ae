"""Classifies the errors of psycopg.

A statement that lost a race is sent again. A statement whose connection broke is sent again on another connection,
because every statement of this adapter converges when it is repeated. When the database is unreachable, overloaded or
read-only, the caller has to wait. Every other error is a mistake in this program and is not hidden.
"""

import re
from enum import Enum, auto

import psycopg
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests


class Failure(Enum):
    """Names the meanings of a database error."""

    #: Another transaction was faster. Sending the statement again gives the definite answer.
    RACE = auto()
    #: The connection is gone; whether the statement took effect is unknown.
    BROKEN = auto()
    #: The database cannot serve now; an immediate repeat would not help.
    AWAY = auto()
    #: The error is a mistake in this program.
    BUG = auto()


# Two turns that want the same slot, key, position or id violate these constraints. Sending the statement again gives
# the definite answer. A delta that comes after the end of its reply violates the last one: a checkpoint that is sent
# again finds no lease for that reply.
_BY_CONSTRAINT = {
    "messages_pkey": Failure.RACE,
    "messages_position_key": Failure.RACE,
    "generations_pkey": Failure.RACE,
    "generations_message_key": Failure.RACE,
    "generations_slot_key": Failure.RACE,
    "idempotency_keys_pkey": Failure.RACE,
    "deltas_generation_fkey": Failure.RACE,
}

_BY_SQLSTATE = {
    "40001": Failure.RACE,  # serialization_failure
    "40P01": Failure.RACE,  # deadlock_detected
    "55P03": Failure.RACE,  # lock_not_available
    "57P01": Failure.BROKEN,  # admin_shutdown
    "57P02": Failure.BROKEN,  # crash_shutdown
    "57P03": Failure.BROKEN,  # cannot_connect_now
    "57P05": Failure.BROKEN,  # idle_session_timeout
    "42P01": Failure.AWAY,  # undefined_table: not migrated yet
    "42703": Failure.AWAY,  # undefined_column: not yet migrated by a newer version
    "57014": Failure.AWAY,  # query_canceled: a statement timeout
    "25006": Failure.AWAY,  # read_only_sql_transaction: a standby, or a disk about to fill up
    "25P03": Failure.AWAY,  # idle_in_transaction_session_timeout
    "25P04": Failure.AWAY,  # transaction_timeout
}

_BY_SQLSTATE_CLASS = {
    "08": Failure.BROKEN,  # connection exception
    "53": Failure.AWAY,  # insufficient resources: disk full, too many connections, out of memory
    "58": Failure.AWAY,  # system error outside of PostgreSQL: an I/O error
}


def classify(error: psycopg.Error) -> Failure:
    """Returns the meaning of `error`."""
    if isinstance(error, (PoolTimeout, TooManyRequests, PoolClosed)):
        return Failure.AWAY
    if error.sqlstate is None:
        # Errors that libpq noticed itself have no code: the server closed the connection, or the network broke.
        return Failure.BROKEN if isinstance(error, psycopg.OperationalError) else Failure.BUG
    # Citus appends the number of a shard to the names of the constraints of distributed tables.
    constraint = re.sub(r"_\d{6,}\Z", "", error.diag.constraint_name or "")
    return (
        _BY_CONSTRAINT.get(constraint)
        or _BY_SQLSTATE.get(error.sqlstate)
        or _BY_SQLSTATE_CLASS.get(error.sqlstate[:2])
        or Failure.BUG
    )
