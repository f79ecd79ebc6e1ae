"""Rules for SQL, checked for every statement and every migration.

The statements read and change rows by `user_id`, bind values by name, and use no `now()` in `returning` or `do update`,
no volatile function, no trigger, no NOTIFY and no session state. So they work through PgBouncer in transaction mode,
and on tables that are distributed by user. Nor has a statement a shape that Citus refuses: recursion at the top of a
statement that writes, or the rows of a function left-joined with a table. Whatever changes a conversation numbers the
change, or feeds would miss it.
"""

import re
from pathlib import Path

import pytest
from tests.statements import all_statements

_TABLES = (
    "conversations|messages|generations|deltas|pieces|idempotency_keys|open_streams|deleted_conversations|search_queue"
    "|search_terms|search_titles"
)

_TABLE_IN_USE = re.compile(rf"\b(?:from|join|using|update)\s+({_TABLES})\b(?:\s+as\s+(\w+))?")
_INSERTED_COLUMNS = re.compile(rf"\binsert into (?:{_TABLES})\s*\(\s*(\w+)")
_INNERMOST = re.compile(r"\(([^()]*)\)")

# These search over all users first, and then change rows by user and key.
_OVER_ALL_USERS = {
    "CLAIM_EXPIRED",
    "CLAIM_PENDING",
    "DELETE_UNTOUCHED",
    "ENQUEUE_UNINDEXED_MESSAGES",
    "ENQUEUE_UNINDEXED_TITLES",
    "FORGET_STREAM_COUNTS",
    "PURGE_DELETIONS",
    "PURGE_IDEMPOTENCY_KEYS",
}

#: What every change of a conversation must have: up to where it is looked for, and the pattern.
_CHANGES = {
    "an insert that numbers no change": (r"\binsert into conversations\s*\(([^)]*)\)", r"\bchanged_xid\b"),
    "an update that numbers no change": (r"\bupdate conversations\b(.*?)\bwhere\b", r"\bchanged_xid ="),
    "a deletion that is not recorded": (r"\bdelete from conversations\b(.*)", r"\binto deleted_conversations\b"),
}

_FORBIDDEN = {
    "a trigger": r"\btrigger\b",
    "a notification": r"\b(notify|listen|pg_notify)\b",
    # A setting for one transaction is no session state: set_config with true as its last argument.
    "session state": r"\b(set_config\((?!'', '', true\))|set local\b|set session\b|pg_advisory\w*\b)",
    "a volatile function": r"\b(clock_timestamp|timeofday|random|gen_random_uuid|uuidv[47]|nextval|setval)\b",
    "now() in returning": r"\breturning\b[^)]*\bnow\b",
    "now() in do update": r"\bdo update\b[^)]*\bnow\b",
    "a subquery in values": r"\bvalues\s*\(.*\(\s*select\b",
    "rows of others skipped": r"\bskip locked\b",
}

_WRITES = re.compile(r"\b(?:insert into|update|delete from)\b")
# A parenthesis has become `#` where this is looked for.
_ROWS_OF_A_FUNCTION_JOINED = re.compile(
    r"\b(?:unnest|generate_series|generate_subscripts)\s+#\s+(?:with ordinality\s+)?(?:as \w+\s+)?(?:#\s+)?"
    rf"left join (?:lateral|{_TABLES})\b"
)

_PROBLEM_OF_PLANTED = {
    "select id from messages where id = %(id)s": "messages without user_id",
    "select id from messages where id = %(id)s and content = 'user_id'": "messages without user_id",
    "delete from conversations where id = %(id)s": "conversations without user_id",
    "select sum(streams) from open_streams where process_id = %(id)s": "open_streams without user_id",
    "update generations set stop_requested = true where message_id = %(id)s": "generations without user_id",
    "select 1 from messages where user_id = %(u)s and exists (select from deltas where message_id = %(id)s)": (
        "deltas without user_id"
    ),
    "select 1 from conversations as c join messages as m on m.conversation_id = c.id where c.user_id = %(u)s": (
        "messages without user_id"
    ),
    "with a as (select 1 from conversations where user_id = %(u)s) select 1 from messages": "messages without user_id",
    "insert into messages (id, user_id) values (%(id)s, %(u)s)": "an insert that does not begin with user_id",
    "select 1 from messages where user_id = %(u)s union all select 1 from messages": "messages without user_id",
    "update messages set content = '' where user_id = %(u)s returning now()": "now() in returning",
    "insert into deltas (user_id) values (%(u)s) on conflict (user_id) do update set text = now()": (
        "now() in do update"
    ),
    "insert into deltas (user_id, text) values (%(u)s, (select 1))": "a subquery in values",
    "update messages set created_at = clock_timestamp() where user_id = %(u)s": "a volatile function",
    "select pg_notify('a', 'b')": "a notification",
    "select pg_advisory_xact_lock(1)": "session state",
    "select set_config('lock_timeout', '5s', false)": "session state",
    "insert into conversations (user_id, id) values (%(u)s, %(i)s)": "an insert that numbers no change",
    "with a as (update conversations as c set head_id = null where c.user_id = %(u)s) update messages set id = id "
    "where user_id = %(u)s returning changed_xid = 1": "an update that numbers no change",
    "delete from conversations where user_id = %(u)s": "a deletion that is not recorded",
    "select 1 from messages where user_id = %(u)s for update skip locked": "rows of others skipped",
    "with recursive a as (select 1), b as (insert into deltas (user_id) select %(u)s) select 1 from a": (
        "recursion at the top of a statement that writes"
    ),
    "select 1 from unnest(%(a)s::text[]) as a left join deltas as d on d.user_id = a": (
        "the rows of a function left-joined with a table"
    ),
    "with a as (select 1 from unnest(%(a)s::text[], %(b)s::text[]) with ordinality as a (user_id, b) left join "
    "lateral (select from deltas as d where d.user_id = a.user_id) as d on true) select 1 from a": (
        "the rows of a function left-joined with a table"
    ),
}


def _problems(sql: str, *, over_all_users: bool = False) -> set[str]:
    text = re.sub(r"'[^']*'", "''", " ".join(sql.split()))
    found = {problem for problem, pattern in _FORBIDDEN.items() if re.search(pattern, text)}
    found |= {"an insert that does not begin with user_id" for c in _INSERTED_COLUMNS.findall(text) if c != "user_id"}
    found |= {
        problem
        for problem, (change, number) in _CHANGES.items()
        if any(not re.search(number, changed) for changed in re.findall(change, text))
    }
    if text.startswith("with recursive") and _WRITES.search(text):
        found.add("recursion at the top of a statement that writes")
    for scope in _scopes(text):
        if _ROWS_OF_A_FUNCTION_JOINED.search(scope):
            found.add("the rows of a function left-joined with a table")
        if over_all_users and "select user_id" in scope:
            continue
        found |= {
            f"{table} without user_id" for table, alias in _TABLE_IN_USE.findall(scope) if not _is_bound(scope, alias)
        }
    return found


def _scopes(text: str) -> list[str]:
    """Returns the parts of a statement, which must each obey the rules: every parenthesis and every arm of a union."""
    text = re.sub(r"%\((\w+)\)s", r":\1", text)
    scopes: list[str] = []
    while match := _INNERMOST.search(text):
        scopes.append(match[1])
        text = f"{text[: match.start()]} # {text[match.end() :]}"
    return [arm for scope in [*scopes, text] for arm in re.split(r"\bunion\b", scope)]


def _is_bound(scope: str, alias: str) -> bool:
    column = rf"\b{alias}\.user_id" if alias else r"(?<![.:\w])user_id"
    return re.search(rf"(?:where|and|on) {column} = |= {column}\b", scope) is not None


def test_there_are_statements_to_walk() -> None:
    names = all_statements().keys()

    assert {"BEGIN_TURN", "CHECKPOINT", "FINISH", "DELETE", "PING"} <= names
    assert names >= _OVER_ALL_USERS


def test_every_statement_keeps_the_house_rules() -> None:
    problems = {name: _problems(sql, over_all_users=name in _OVER_ALL_USERS) for name, sql in all_statements().items()}

    assert {name: found for name, found in problems.items() if found} == {}


def test_a_statement_that_breaks_a_rule_is_found() -> None:
    found = {sql: _problems(sql) for sql in _PROBLEM_OF_PLANTED}

    assert [sql for sql, problem in _PROBLEM_OF_PLANTED.items() if problem not in found[sql]] == []


def test_a_user_id_taken_out_of_any_statement_is_found() -> None:
    for name, sql in all_statements().items():
        if name in _OVER_ALL_USERS:
            continue
        for match in re.finditer(r"(?<=where )user_id = %\(user_id\)s and ", sql):
            assert _problems(sql[: match.start()] + sql[match.end() :]), f"{name} at {match.start()}"


@pytest.mark.parametrize("path", sorted(Path("sql/migrations").glob("*.sql")), ids=lambda path: path.name)
class TestEveryMigration:
    def test_its_name_says_its_order_and_what_it_does(self, path: Path) -> None:
        assert re.fullmatch(r"\d{4}_[a-z]+_[a-z_]+\.sql", path.name)

    def test_it_begins_with_a_comment_that_says_why(self, path: Path) -> None:
        assert path.read_text().removeprefix("-- no-transaction\n").startswith("-- ")

    def test_every_key_begins_with_the_user(self, path: Path) -> None:
        keys = re.findall(r"(?:primary key|unique|foreign key|references \w+)\s*\((\w+)", path.read_text())

        assert set(keys) <= {"user_id"}

    def test_every_constraint_is_named(self, path: Path) -> None:
        text = path.read_text()

        assert len(re.findall(r"\bconstraint \w+", text)) == len(
            re.findall(r"(?:\bprimary key|\bunique|\bforeign key|\bcheck) ?\(", text)
        )

    def test_there_is_nothing_in_it_that_cannot_be_distributed(self, path: Path) -> None:
        assert not re.search(r"\b(trigger|function|procedure|rule|serial|bigserial)\b", _without_comments(path))


def test_the_migrations_are_numbered_without_gaps() -> None:
    numbers = [int(path.name[:4]) for path in sorted(Path("sql/migrations").glob("*.sql"))]

    assert numbers == list(range(1, len(numbers) + 1))


def _without_comments(path: Path) -> str:
    return re.sub(r"--.*", "", path.read_text())
