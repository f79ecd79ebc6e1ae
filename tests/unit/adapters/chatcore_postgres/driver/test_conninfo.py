"""Connection strings: which are understood, and which timeouts they get."""

import pytest
from psycopg.conninfo import conninfo_to_dict

from chatcore_postgres.driver.conninfo import normalized


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+asyncpg", "postgresql+psycopg", "postgres+x"])
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
