"""The meaning of database errors."""

import psycopg
import pytest
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

from chatcore_postgres.driver.failures import Failure, classify


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
        ("25006", Failure.AWAY),
        ("42P01", Failure.AWAY),
        ("42703", Failure.AWAY),
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
