"""No statement reads more rows than it needs, however large the tables are, and every plan is approved.

`approved` has the plan of each statement as PostgreSQL 18 makes it, without figures; for a prepared statement this is
the plan for any values, which the server uses after a few executions. To renew the plans after a statement has changed,
and to see the change in the diff:

    CHATCORE_APPROVE_PLANS=1 .venv/bin/pytest tests/integration/plans
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest
from psycopg import sql

from chatcore_postgres import migrate
from chatcore_postgres.driver.statement import as_sent
from tests.integration.embedded_postgres import EmbeddedPostgres
from tests.integration.new_database import new_database
from tests.integration.plans.every_statement import Step, record
from tests.integration.plans.filled_tables import fill
from tests.integration.plans.plan import Kind, Plan
from tests.integration.postgres_server import PostgresServer
from tests.statements import all_statements

_APPROVED = Path(__file__).parent / "approved"
_APPROVED_VERSION = 18

# These tables have only rows of running replies, open streams, and texts that wait. A sweep reads the whole table,
# because an index on a time that is renewed all the time would cost each renewal more than the scan costs now and then.
# The planner scans the queue where it is short, and has indexes for a long one.
_WHOLE_TABLES = {
    "CLAIM_EXPIRED": {"generations"},
    "FORGET_STREAM_COUNTS": {"open_streams"},
    "CLAIM_PENDING": {"search_queue"},
    "STORE_TERMS": {"search_queue"},
    "ENQUEUE_UNINDEXED_MESSAGES": {"search_queue"},
    "ENQUEUE_UNINDEXED_TITLES": {"search_queue"},
}

_UNINDEXED_KEYS = """
select conrelid::regclass || ' (' || string_agg(attname, ', ' order by place) || ')'
from pg_constraint as c, unnest(conkey) with ordinality as k (number, place)
    join pg_attribute as a on a.attnum = k.number
where contype = 'f' and a.attrelid = c.conrelid and not exists (
    select from pg_index as i
    where i.indrelid = c.conrelid and (i.indkey::int2[])[0:cardinality(c.conkey) - 1] @> c.conkey
)
group by c.oid, conrelid
"""


@pytest.fixture(scope="module")
def filled_url(postgres: PostgresServer, template_database: str) -> Iterator[str]:
    with new_database(postgres, template=template_database) as name:
        url = postgres.database_url(name)
        fill(url)
        with psycopg.connect(url, autocommit=True) as connection:
            # A statement that named a table without its schema would fail.
            connection.execute(sql.SQL("alter database {} set search_path = ''").format(sql.Identifier(name)))
        yield url


@pytest.fixture(scope="module")
def steps(filled_url: str) -> Sequence[Step]:
    """Records on the server of this run."""
    return asyncio.run(record(filled_url))


@pytest.fixture(scope="module")
def approvable_steps(filled_url: str, steps: Sequence[Step]) -> Sequence[Step]:
    """Records on a server of the version whose plans are approved."""
    with psycopg.connect(filled_url) as connection:
        if connection.info.server_version // 10_000 == _APPROVED_VERSION:
            return steps
    with EmbeddedPostgres(durable=False) as server:
        asyncio.run(migrate(server.url()))
        fill(server.url())
        return asyncio.run(record(server.url()))


def test_every_statement_is_explained(steps: Sequence[Step]) -> None:
    assert {_name(plan) for step in steps for plan in step.plans} == set(all_statements())


def test_no_statement_scans_a_whole_table(steps: Sequence[Step]) -> None:
    assert [
        (step.name, _name(plan), plan.kind, plan.outline())
        for step in steps
        for plan in step.plans
        if plan.whole_scans() - _WHOLE_TABLES.get(_name(plan), set())
    ] == []


def test_no_statement_reads_more_rows_than_its_limit(steps: Sequence[Step]) -> None:
    assert [
        (step.name, _name(plan), plan.kind, plan.rows_looked_at(), plan.pages(), plan.outline())
        for step in steps
        for plan in step.plans
        if _name(plan) not in _WHOLE_TABLES and max(plan.rows_looked_at(), plan.pages()) > step.rows_at_most
    ] == []


def test_every_foreign_key_has_an_index(filled_url: str) -> None:
    with psycopg.connect(filled_url) as connection:
        assert connection.execute(_UNINDEXED_KEYS).fetchall() == []


@pytest.mark.parametrize("name", all_statements())
def test_a_plan_is_the_approved_one(name: str, approvable_steps: Sequence[Step]) -> None:
    text = _approvable(name, approvable_steps)
    file = _APPROVED / f"{name.lower()}.txt"
    if "CHATCORE_APPROVE_PLANS" in os.environ:
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    assert text == (file.read_text() if file.exists() else ""), "see the top of this file for how plans are approved"


def test_every_approved_plan_has_a_statement() -> None:
    assert {file.stem for file in _APPROVED.iterdir()} == {name.lower() for name in all_statements()}


def _name(plan: Plan) -> str:
    names = {_as_sent(statement): name for name, statement in all_statements().items()}
    return names[re.sub(r"\$\d+", "$", plan.sql)]


def _as_sent(statement: LiteralString) -> str:
    return re.sub(r"\$\d+", "$", as_sent(statement, "public")[0].decode())


def _approvable(name: str, steps: Sequence[Step]) -> str:
    """Returns the plans of one statement, each once, with the step that they are for."""
    found: dict[str, str] = {}
    for step in steps:
        plans = [plan for plan in step.plans if _name(plan) == name]
        is_prepared = any(plan.kind is Kind.GENERIC for plan in plans)
        for plan in plans:
            if plan.kind is (Kind.GENERIC if is_prepared else Kind.CUSTOM):
                found.setdefault(plan.outline(), f"-- {plan.kind}: {step.name}")
    return "\n".join(f"{heading}\n{outline}\n" for outline, heading in found.items())
