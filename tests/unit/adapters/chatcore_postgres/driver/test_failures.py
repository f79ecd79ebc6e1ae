"""The meaning of database errors."""

import psycopg
import pytest
from psycopg.pq import DiagnosticField
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

from chatcore.errors import StorageNotReadyError, StorageUnavailableError
from chatcore_postgres.driver.failures import Failure, classify, unavailable


@pytest.mark.parametrize(
    ("sqlstate", "failure"),
    [
        ("40001", Failure.RACE),
        ("40P01", Failure.RACE),
        ("55P03", Failure.RACE),
        ("08006", Failure.BROKEN),
        ("08P01", Failure.BROKEN),
        ("57P01", Failure.BROKEN),
        ("57P02", Failure.BROKEN),
        ("57P03", Failure.BROKEN),
        ("53100", Failure.AWAY),
        ("53300", Failure.AWAY),
        ("57014", Failure.AWAY),
        ("58030", Failure.AWAY),
        ("25006", Failure.READ_ONLY),
        ("42P01", Failure.NOT_READY),
        ("42703", Failure.NOT_READY),
        ("3F000", Failure.NOT_READY),
        ("42501", Failure.NOT_READY),
        ("42883", Failure.NOT_READY),
        ("0A000", Failure.BUG),
        ("25P03", Failure.AWAY),
        ("23505", Failure.BUG),
        ("42601", Failure.BUG),
        ("25P02", Failure.BUG),
    ],
)
def test_each_code_has_its_meaning(sqlstate: str, failure: Failure) -> None:
    assert classify(psycopg.errors.lookup(sqlstate)()) is failure


@pytest.mark.parametrize("error", [PoolTimeout(), TooManyRequests(), PoolClosed()])
def test_a_pool_without_a_free_connection_is_away(error: psycopg.Error) -> None:
    assert classify(error) is Failure.AWAY


def test_an_error_of_libpq_is_a_broken_connection() -> None:
    assert classify(psycopg.OperationalError("the connection is closed")) is Failure.BROKEN


def test_a_value_that_cannot_be_stored_is_a_bug() -> None:
    assert classify(psycopg.DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes")) is Failure.BUG


_DUPLICATE_KEY = 'duplicate key value violates unique constraint "{}"'


def _error(
    sqlstate: str, message: str, constraint: str | None = None, *, source_function: str | None = None
) -> psycopg.Error:
    """Returns an error as the server reports it; on a distributed table, Citus leaves out the constraint's name."""
    info: dict[int, bytes | None] = {
        DiagnosticField.SQLSTATE: sqlstate.encode(),
        DiagnosticField.MESSAGE_PRIMARY: message.encode(),
        DiagnosticField.CONSTRAINT_NAME: None if constraint is None else constraint.encode(),
        DiagnosticField.SOURCE_FUNCTION: None if source_function is None else source_function.encode(),
    }
    return psycopg.errors.lookup(sqlstate)(message, info=info)


@pytest.mark.parametrize(
    "error",
    [
        _error("23505", _DUPLICATE_KEY.format("generations_slot_key"), "generations_slot_key"),
        _error("23505", "Schlüsselwert existiert bereits", "messages_position_key"),
        _error("23505", _DUPLICATE_KEY.format("generations_slot_key_102116")),
        _error("XX000", _DUPLICATE_KEY.format("idempotency_keys_pkey_102200")),
        _error("23505", "doppelter Schlüsselwert verletzt Unique-Constraint »messages_pkey_102045«"),
        _error(
            "23503",
            'insert or update on table "deltas_102116" violates foreign key constraint "deltas_generation_fkey_102116"',
        ),
    ],
    ids=str,
)
def test_a_constraint_that_races_violate_is_recognised_with_and_without_citus(error: psycopg.Error) -> None:
    assert classify(error) is Failure.RACE


@pytest.mark.parametrize(
    "error",
    [
        _error("23505", _DUPLICATE_KEY.format("conversations_pkey"), "conversations_pkey"),
        _error("23514", 'violates check constraint "messages_position_check_102045"'),
        _error("23505", _DUPLICATE_KEY.format("users_messages_pkey_102045")),
        _error("42601", 'syntax error at or near "messages_pkey"'),
        _error("XX000", "operation is not allowed on this node"),
    ],
    ids=str,
)
def test_any_other_violation_is_a_bug(error: psycopg.Error) -> None:
    assert classify(error) is Failure.BUG


@pytest.mark.parametrize(
    "error",
    [
        _error("0A000", "cannot access temporary or unlogged relations during recovery"),
        _error("0A000", "kann nicht auf temporäre Relationen zugreifen", source_function="get_relation_info"),
    ],
    ids=str,
)
def test_an_unlogged_table_of_a_standby_cannot_be_read(error: psycopg.Error) -> None:
    assert classify(error) is Failure.READ_ONLY


@pytest.mark.parametrize(
    ("sqlstate", "error_type", "words"),
    [
        ("42P01", StorageNotReadyError, "run `chatcore migrate`"),
        ("42703", StorageNotReadyError, "run `chatcore migrate`"),
        ("42501", StorageNotReadyError, "grant it SELECT, INSERT, UPDATE and DELETE"),
        ("25006", StorageUnavailableError, "takes no writes"),
        ("53300", StorageUnavailableError, "temporarily unavailable"),
    ],
)
def test_the_sentence_says_what_an_operator_can_do(
    sqlstate: str, error_type: type[StorageUnavailableError], words: str
) -> None:
    error = psycopg.errors.lookup(sqlstate)()

    reported = unavailable(error, classify(error), is_in_doubt=False)

    assert type(reported) is error_type
    assert words in str(reported)
    assert not reported.is_in_doubt
