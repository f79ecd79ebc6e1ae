"""Connection strings: which are understood, and which timeouts they get."""

from contextlib import suppress

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict

from chatcore_postgres.driver.conninfo import normalized


@pytest.mark.parametrize(
    "scheme",
    ["postgresql", "postgres", "postgresql+asyncpg", "postgresql+psycopg", "postgresql+psycopg2", "postgres+x"],
)
def test_the_name_of_a_driver_in_a_url_is_ignored(scheme: str) -> None:
    named = conninfo_to_dict(normalized(f"{scheme}://ann:p%40ss+word@db.example:6432/chat?application_name=x"))

    assert (named["user"], named["password"], named["host"], named["port"], named["dbname"]) == (
        "ann",
        "p@ss+word",
        "db.example",
        "6432",
        "chat",
    )
    assert named["application_name"] == "x"


def test_the_other_drivers_word_for_encryption_is_understood() -> None:
    assert conninfo_to_dict(normalized("postgresql+asyncpg://h/d?ssl=require"))["sslmode"] == "require"


def test_a_url_without_timeouts_gets_some() -> None:
    named = conninfo_to_dict(normalized("postgresql://h/d?connect_timeout=3"))

    assert named["connect_timeout"] in {3, "3"}
    assert named["tcp_user_timeout"] in {5000, "5000"}


def test_a_key_value_string_is_a_url_too() -> None:
    assert conninfo_to_dict(normalized("host=/run/postgresql dbname=chat"))["dbname"] == "chat"


def test_a_malformed_url_is_refused_without_showing_its_password() -> None:
    with pytest.raises(ValueError, match="database URL") as caught:
        normalized("postgresql://ann:secret@h:5432/d?no_such_option=1")

    assert "secret" not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    "conninfo",
    [
        "postgresql://localhost:abc/x",
        "postgresql+asyncpg://localhost:99999/x",
        "postgresql://localhost:-1/x",
        "postgresql://localhost/x?connect_timeout=abc",
        "host=localhost port=5432,x",
    ],
)
def test_a_url_that_can_never_connect_is_refused(conninfo: str) -> None:
    with pytest.raises(ValueError, match="not one that PostgreSQL understands"):
        normalized(conninfo)


@pytest.mark.parametrize("conninfo", ["postgresql://a:5432,b:5433/x", "postgresql://a:1,b/x", "postgresql://a/x"])
def test_several_hosts_may_have_a_port_each_or_none(conninfo: str) -> None:
    assert conninfo_to_dict(normalized(conninfo))["dbname"] == "x"


def test_parameters_of_other_libraries_are_left_out_and_logged_by_name() -> None:
    url = "postgresql+asyncpg://h/d?prepared_statement_cache_size=0&sslmode=require&pool_size=s3cret&statement_cache_size=0"

    with structlog.testing.capture_logs() as logs:
        named = conninfo_to_dict(normalized(url))

    assert (named["host"], named["dbname"], named["sslmode"]) == ("h", "d", "require")
    assert [entry["names"] for entry in logs] == [
        ["pool_size", "prepared_statement_cache_size", "statement_cache_size"],
    ]
    assert "s3cret" not in str(logs)


def test_the_names_of_left_out_parameters_are_logged_once() -> None:
    with structlog.testing.capture_logs() as logs:
        for host in ("one", "two", "two"):
            normalized(f"postgresql://{host}/x?pool_timeout=3&prepared_statement_name_func=f")

    assert [line["names"] for line in logs] == [["pool_timeout", "prepared_statement_name_func"]]


def test_a_url_of_which_nothing_is_left_out_logs_nothing() -> None:
    with structlog.testing.capture_logs() as logs:
        normalized("postgresql://h/d?sslmode=require")

    assert logs == []


@pytest.mark.parametrize("parameter", ["sslmod=require", "no_such_option=1", "pool_sizes=1"])
def test_a_parameter_of_nobody_is_refused(parameter: str) -> None:
    with pytest.raises(ValueError, match="not one that PostgreSQL understands"):
        normalized(f"postgresql+asyncpg://h/d?{parameter}")


@pytest.mark.parametrize("conninfo", ["postgresql://h/d", "postgresql://h/d?client_encoding=latin1", "host=h"])
def test_the_client_encoding_is_always_utf_8(conninfo: str) -> None:
    assert conninfo_to_dict(normalized(conninfo))["client_encoding"] == "UTF8"


def test_of_several_hosts_the_one_that_takes_writes_is_used() -> None:
    def attribute(conninfo: str) -> object:
        return conninfo_to_dict(normalized(conninfo)).get("target_session_attrs")

    assert attribute("postgresql://a,b/x") == "read-write"
    assert attribute("hostaddr=127.0.0.1,127.0.0.2") == "read-write"
    assert attribute("postgresql://a,b/x?target_session_attrs=any") == "any"
    assert attribute("postgresql://a/x") is None


_PLACE = {"user": "ann", "host": "db.example", "port": "6432", "dbname": "chat"}


@given(st.text(st.one_of(st.sampled_from("@/:?#%&=[]+, \\'\""), st.characters(codec="utf-8", exclude_characters="\0"))))
def test_a_password_in_a_url_is_never_taken_for_anything_else(password: str) -> None:
    """The errors of libpq show hosts, users and databases, and so would show parts of a password that is misread."""
    for query in ("", "?sslmode=require", "?ssl=require&pool_size=5"):
        with suppress(ValueError):
            named = conninfo_to_dict(normalized(f"postgresql+asyncpg://ann:{password}@db.example:6432/chat{query}"))

            assert {name: named[name] for name in _PLACE} == _PLACE
            assert set(named) - {"password", "sslmode"} == set(conninfo_to_dict(normalized("postgresql://a@b:1/c")))


@pytest.mark.parametrize("password", ["s3@cret", "s3/cret", "1/s3?user=cret", "@", "s3cret%", "%zz", "a@b/c?host=d"])
def test_a_url_that_can_be_read_in_two_ways_is_refused(password: str) -> None:
    with pytest.raises(ValueError, match="not one that PostgreSQL understands") as caught:
        normalized(f"postgresql://ann:{password}@db.example/chat")

    assert "s3" not in str(caught.value)
    assert caught.value.__suppress_context__
