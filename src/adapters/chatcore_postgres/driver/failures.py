"""Classifies the errors of psycopg.

A statement that lost a race is sent again. A statement whose connection broke is sent again on another connection,
because every statement of this adapter converges when it is repeated. A server that takes no writes is left for
another. When the database is unreachable or overloaded, the caller has to wait. When the database lacks a migration or
a grant, an operator has to act. Every other error is a mistake in this program and is not hidden.
"""

import re
from enum import Enum, auto

import psycopg
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

from chatcore.errors import StorageNotReadyError, StorageUnavailableError


class Failure(Enum):
    """Names the meanings of a database error."""

    #: Another transaction was faster. Sending the statement again gives the definite answer.
    RACE = auto()
    #: The connection is gone; whether the statement took effect is unknown.
    BROKEN = auto()
    #: The database cannot serve now; an immediate repeat would not help.
    AWAY = auto()
    #: The server takes no writes: a standby, a primary that was demoted, or one whose disk is about to fill up.
    READ_ONLY = auto()
    #: The database lacks a migration or a grant, which only an operator can give it.
    NOT_READY = auto()
    #: The error is a mistake in this program.
    BUG = auto()


_NOT_MIGRATED = "The database lacks tables or columns of this version: run `chatcore migrate`."
_NOT_GRANTED = "The database role may not use all tables: grant it SELECT, INSERT, UPDATE and DELETE on them."
_READ_ONLY = "The database takes no writes at the moment."

# Two turns that want the same slot, key, position or id violate these constraints. Sending the statement again gives
# the definite answer. A delta that comes after the end of its reply violates its foreign key: a checkpoint that is sent
# again finds no lease for that reply. The terms of a text that was deleted meanwhile violate the last two: the
# statement that stores them finds no text when it is sent again.
_BY_CONSTRAINT = {
    "messages_pkey": Failure.RACE,
    "messages_position_key": Failure.RACE,
    "generations_pkey": Failure.RACE,
    "generations_message_key": Failure.RACE,
    "generations_slot_key": Failure.RACE,
    "idempotency_keys_pkey": Failure.RACE,
    "deltas_generation_fkey": Failure.RACE,
    "search_terms_message_fkey": Failure.RACE,
    "search_titles_conversation_fkey": Failure.RACE,
}

# These are the class of integrity constraint violations and Citus' code for errors of any kind.
_OF_VIOLATIONS = ("23", "XX000")
_SHARD = re.compile(r"_\d{6,}\Z")

_BY_SQLSTATE = {
    "40001": Failure.RACE,  # serialization_failure
    "40P01": Failure.RACE,  # deadlock_detected
    "55P03": Failure.RACE,  # lock_not_available
    "57P01": Failure.BROKEN,  # admin_shutdown
    "57P02": Failure.BROKEN,  # crash_shutdown
    "57P03": Failure.BROKEN,  # cannot_connect_now
    "57P05": Failure.BROKEN,  # idle_session_timeout
    "3F000": Failure.NOT_READY,  # invalid_schema_name
    "42P01": Failure.NOT_READY,  # undefined_table: not migrated yet
    "42703": Failure.NOT_READY,  # undefined_column: the database lacks a migration of this version
    "42P10": Failure.NOT_READY,  # invalid_column_reference: a key is missing
    "42804": Failure.NOT_READY,  # datatype_mismatch: the table of another program
    "42883": Failure.NOT_READY,  # undefined_function: likewise, such as `uuid = text`
    "42501": Failure.NOT_READY,  # insufficient_privilege
    "57014": Failure.AWAY,  # query_canceled: a statement timeout
    "25006": Failure.READ_ONLY,  # read_only_sql_transaction
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
    if _is_unlogged_table_of_standby(error):
        return Failure.READ_ONLY
    return (
        _by_constraint(error)
        or _BY_SQLSTATE.get(error.sqlstate)
        or _BY_SQLSTATE_CLASS.get(error.sqlstate[:2])
        or Failure.BUG
    )


def unavailable(error: psycopg.Error, failure: Failure, *, is_in_doubt: bool) -> StorageUnavailableError:
    """Returns the error of the core for a failure that no repeat mended; its sentence is shown to callers."""
    if failure is Failure.NOT_READY:
        return StorageNotReadyError(
            _NOT_GRANTED if error.sqlstate == "42501" else _NOT_MIGRATED, is_in_doubt=is_in_doubt
        )
    return StorageUnavailableError(_READ_ONLY if failure is Failure.READ_ONLY else None, is_in_doubt=is_in_doubt)


def _is_unlogged_table_of_standby(error: psycopg.Error) -> bool:
    # The code stands for any unsupported feature, and the language of the message is a setting of the server.
    return error.sqlstate == "0A000" and (
        error.diag.source_function == "get_relation_info" or "during recovery" in (error.diag.message_primary or "")
    )


def _by_constraint(error: psycopg.Error) -> Failure | None:
    """Returns the meaning of a violated constraint, or None if `error` names no constraint of the table above.

    Citus passes on a shard's violation without the field for the name, so the name is looked for in the message. There
    the number of the shard follows the name. Citus may also change the code to XX000.
    """
    named = error.diag.constraint_name
    if named is None and error.sqlstate is not None and error.sqlstate.startswith(_OF_VIOLATIONS):
        named = error.diag.message_primary
    names = (_SHARD.sub("", word) for word in re.findall(r"\w+", named or ""))
    return next((_BY_CONSTRAINT[name] for name in names if name in _BY_CONSTRAINT), None)
