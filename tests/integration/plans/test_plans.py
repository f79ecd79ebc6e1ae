"""No statement reads more than it needs, however large the tables are, and what it does instead is there to be read.

`approved` has the plan of each statement as PostgreSQL 18 makes it, without figures: of a prepared statement the one
for any values, which is what it comes to after a few executions. To renew them after a statement has changed, and to
see in the diff what has become of its plan:

    CHATCORE_APPROVE_PLANS=1 .venv/bin/pytest tests/integration/plans
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import psycopg
import pytest

from chatcore_postgres import migrate
from tests.integration.embedded_postgres import EmbeddedPostgres
from tests.integration.new_database import new_database
from tests.integration.plans.every_statement import Step, record
from tests.integration.plans.filled_tables import fill
from tests.integration.plans.plan import Kind, Plan
from tests.integration.postgres_server import PostgresServer
from tests.statements import all_statements

_APPROVED = Path(__file__).parent / "approved"
_APPROVED_VERSION = 18

# What is running now, and gone when it has ended: who looks for what has run out looks at all of it, since an index
# that holds a time which is renewed all the time would cost each renewal more than this costs now and then.
_WHOLE_TABLES = {"CLAIM_EXPIRED": {"generations"}, "FORGET_STREAM_COUNTS": {"open_streams"}}

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
        fill(postgres.database_url(name))
        yield postgres.database_url(name)


@pytest.fixture(scope="module")
def steps(filled_url: str) -> Sequence[Step]:
    """On the server of this run."""
    return asyncio.run(record(filled_url))


@pytest.fixture(scope="module")
def approvable_steps(filled_url: str, steps: Sequence[Step]) -> Sequence[Step]:
    """On a server of the version whose plans are approved."""
    with psycopg.connect(filled_url) as connection:
        if connection.info.server_version // 10_000 == _APPROVED_VERSION:
            return steps
    with EmbeddedPostgres(durable=False) as server:
        asyncio.run(migrate(server.url()))
        fill(server.url())
        return asyncio.run(record(server.url()))


def test_every_statement_there_is_is_explained(steps: Sequence[Step]) -> None:
    assert {_name(plan) for step in steps for plan in step.plans} == set(all_statements())


def test_no_statement_reads_a_table_from_one_end_to_the_other(steps: Sequence[Step]) -> None:
    assert [
        (step.name, _name(plan), plan.kind, plan.outline())
        for step in steps
        for plan in step.plans
        if plan.whole_scans() - _WHOLE_TABLES.get(_name(plan), set())
    ] == []


def test_no_statement_looks_at_more_than_it_was_asked_about(steps: Sequence[Step]) -> None:
    assert [
        (step.name, _name(plan), plan.kind, plan.rows_looked_at(), plan.pages(), plan.outline())
        for step in steps
        for plan in step.plans
        if _name(plan) not in _WHOLE_TABLES and max(plan.rows_looked_at(), plan.pages()) > step.rows_at_most
    ] == []


def test_what_goes_with_a_row_that_is_deleted_is_found_by_an_index(filled_url: str) -> None:
    with psycopg.connect(filled_url) as connection:
        assert connection.execute(_UNINDEXED_KEYS).fetchall() == []


@pytest.mark.parametrize("name", all_statements())
def test_a_plan_changes_for_all_to_see(name: str, approvable_steps: Sequence[Step]) -> None:
    text = _approvable(name, approvable_steps)
    file = _APPROVED / f"{name.lower()}.txt"
    if "CHATCORE_APPROVE_PLANS" in os.environ:
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    assert text == (file.read_text() if file.exists() else ""), "see the top of this file for how plans are approved"


def test_nothing_is_approved_of_a_statement_that_is_gone() -> None:
    assert {file.stem for file in _APPROVED.iterdir()} == {name.lower() for name in all_statements()}


def _name(plan: Plan) -> str:
    names = {_as_sent(statement): name for name, statement in all_statements().items()}
    return names[re.sub(r"\$\d+", "$", plan.sql)]


def _as_sent(statement: str) -> str:
    return re.sub(r"%\(\w+\)s", "$", statement)


def _approvable(name: str, steps: Sequence[Step]) -> str:
    """The plans of one statement, each once, with what they are for."""
    found: dict[str, str] = {}
    for step in steps:
        plans = [plan for plan in step.plans if _name(plan) == name]
        is_prepared = any(plan.kind is Kind.GENERIC for plan in plans)
        for plan in plans:
            if plan.kind is (Kind.GENERIC if is_prepared else Kind.CUSTOM):
                found.setdefault(plan.outline(), f"-- {plan.kind}: {step.name}")
    return "\n".join(f"{heading}\n{outline}\n" for outline, heading in found.items())
