"""What the server is sent: numbered parameters, and tables with their schema."""

import re

import pytest
from tests.statements import all_statements

from chatcore_postgres.driver.statement import TABLES, as_sent


def test_a_parameter_has_one_number_wherever_it_is_named() -> None:
    sent, names = as_sent("select %(a)s, %(b)s, %(a)s", "public")

    assert (sent, names) == (b"select $1, $2, $1", ("a", "b"))


def test_a_table_is_named_with_its_schema_and_a_column_is_not() -> None:
    sent, _ = as_sent("update messages set content = messages.content from deltas as d where messages.id = d.id", "a")

    assert sent == b'update "a".messages set content = messages.content from "a".deltas as d where messages.id = d.id'


def test_a_schema_may_have_any_name() -> None:
    assert as_sent("select 1 from messages", 'A "b" \\1 %(c)s')[0] == b'select 1 from "A ""b"" \\1 %(c)s".messages'


@pytest.mark.parametrize("name", all_statements())
def test_every_statement_names_every_table_with_its_schema(name: str) -> None:
    sent = as_sent(all_statements()[name], "other")[0].decode()

    assert not re.search(rf"\b(?:from|join|into|update|using|,)\s+(?:{'|'.join(TABLES)})\b(?!\.)", sent)
