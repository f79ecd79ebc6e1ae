"""Measures requests of users with increasing numbers of conversations, in one table of more than a million."""

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from statistics import median

import orjson
import psycopg
from attrs import field, frozen
from benchmarks.benchmark_error import BenchmarkError
from benchmarks.database import Bench
from benchmarks.options import Options
from benchmarks.plain_requests import FIRST, store_messages
from benchmarks.processes import Reading
from benchmarks.results import Results
from benchmarks.stub_services import running_stub_services
from benchmarks.subjects import Chatcore, authorization

from chatcore import ConversationId, Cursor

#: The number of conversations of each user, which is also the user's name.
SIZES = (10, 1_000, 100_000, 1_000_000)

# The first requests find new connections on both sides, and are not timed.
_TIMES, _UNTIMED = 15, 3
# Each kind of request has a method and a path. A turn begins in a conversation that "create" has made.
_KINDS = {
    "list, first page": ("GET", "?limit=50"),
    "list, from the middle by cursor": ("GET", "?limit=50&cursor={cursor}"),
    "list, from the middle by offset": ("GET", "?limit=50&offset={offset}"),
    "open": ("GET", f"/{FIRST}"),
    "create": ("POST", ""),
    "begin a turn": ("POST", "/{created}/messages"),
}
_BEGIN = {"Prefer": "respond-async", "Content-Type": "application/json"}
_QUESTION = b'{"content":"What do you know of the sea?"}'
# Neighbours in the list are far apart in the table, as in a database to which many users write at once. The factor has
# no divisor in common with any size, so that no two conversations get the same time.
_FILL = """
insert into conversations (user_id, id, title, title_source, model_tag, created_at, updated_at)
select %(user)s, md5('c' || n)::uuid, 'A title of some words', 'auto', 'default', now(),
    now() - (n::bigint * 7919 %% %(count)s + 1) * interval '1 second'
from generate_series(1, %(count)s) as n
"""
_MIDDLE = """
select updated_at, id from conversations where user_id = %s order by updated_at desc, id desc limit 1 offset %s
"""


@frozen
class _Caller:
    """Sends the requests of a user with a given number of conversations over one connection to the service."""

    conversations: int
    cursor: str
    _connection: HTTPConnection
    _created: list[str] = field(factory=list)

    def ask(self, kind: str) -> None:
        method, template = _KINDS[kind]
        created = self._created.pop() if "{created}" in template else ""
        path = template.format(cursor=self.cursor, offset=self.conversations // 2, created=created)
        headers, body = (_BEGIN, _QUESTION) if created else ({}, None)
        named = {**authorization(str(self.conversations)), **headers}
        self._connection.request(method, f"/api/conversations{path}", body, named)
        response = self._connection.getresponse()
        answer = response.read()
        if response.status >= 300:  # noqa: PLR2004 - the first status after the successes
            raise BenchmarkError(f"{method} {path}: {response.status} {answer.decode(errors='replace')}")
        if kind == "create":
            self._created.append(orjson.loads(answer)["id"])


def measure_growth(_: Options, bench: Bench, sizes: Sequence[int] = SIZES) -> Results:
    """Fills a table, and measures every kind of request for all users in turns."""
    # A caller who begins one turn after the other has many replies in progress.
    service = Chatcore(settings={"MAX_GENERATIONS_PER_USER": "10000"})
    with ExitStack() as stack:
        source_port = stack.enter_context(running_stub_services())
        url = stack.enter_context(bench.empty_database())
        service.migrate(url)
        cursors = _fill(url, sizes)
        port = stack.enter_context(service.serving(url, source_port)).port
        connections = [stack.enter_context(closing(HTTPConnection("127.0.0.1", port))) for _ in sizes]
        callers = [_Caller(*each) for each in zip(sizes, cursors, connections, strict=True)]
        return {"costs": [cost for kind in _KINDS for cost in _measure_kind(kind, callers, bench)]}


def _fill(database_url: str, sizes: Sequence[int]) -> Sequence[str]:
    """Stores the conversations of all users, and returns the cursor to the middle of each user's list."""
    cursors = []
    with psycopg.connect(database_url, autocommit=True) as connection:
        for size in sizes:
            connection.execute(_FILL, {"user": str(size), "count": size})
            store_messages(connection, str(size))
            ((updated_at, id_),) = connection.execute(_MIDDLE, [str(size), size // 2]).fetchall()
            cursors.append(Cursor(updated_at, ConversationId(id_)).encode())
        # The database's maintenance takes place now, so that none takes place while requests are measured.
        connection.execute("vacuum analyze")
        connection.execute("checkpoint")
    return cursors


def _measure_kind(kind: str, callers: Sequence[_Caller], bench: Bench) -> Sequence[Results]:
    first = Reading.of()
    rounds = [[_measure_once(kind, caller, bench) for caller in callers] for _ in range(_TIMES)][_UNTIMED:]
    spoiled = Reading.of().disturbance_since(first)
    return [
        {"kind": kind, "conversations": caller.conversations, "spoiled": spoiled}
        | {figure: median(cost[figure] for cost in column) for figure in column[0]}
        for caller, column in zip(callers, zip(*rounds, strict=True), strict=True)
    ]


def _measure_once(kind: str, caller: _Caller, bench: Bench) -> Mapping[str, float]:
    first = Reading.of(database=bench.server_pid)
    began = time.perf_counter()
    caller.ask(kind)
    seconds = time.perf_counter() - began
    cpu_seconds = Reading.of(database=bench.server_pid).cpu_since(first, "database")
    return {"request_ms": seconds * 1e3, "database_cpu_micros": cpu_seconds * 1e6}
