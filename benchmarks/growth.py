"""Measures requests of users with increasing numbers of conversations, each with a text, in one table of a million."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from statistics import median
from typing import Any

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

from chatcore import ConversationId, Cursor, MessageId, UserId
from chatcore.ports import IndexedText, PendingText
from chatcore_postgres import PostgresStorage

#: The number of conversations of each user, which is also the user's name.
SIZES = (10, 1_000, 100_000, 1_000_000)

# The first requests find new connections on both sides, and are not timed.
_TIMES, _UNTIMED, _BATCH = 15, 3, 2000
# Each kind of request has a method and a path. A turn begins in a conversation that "create" has made.
_KINDS = {
    "list, first page": ("GET", "/conversations?limit=50"),
    "list, from the middle by cursor": ("GET", "/conversations?limit=50&cursor={cursor}"),
    "list, from the middle by offset": ("GET", "/conversations?limit=50&offset={offset}"),
    "open": ("GET", f"/conversations/{FIRST}"),
    "search for a frequent word": ("GET", "/search?q=w3+the"),
    "search for a rare word": ("GET", "/search?q=w9000+the"),
    "search for the beginning of a word": ("GET", "/search?q=w90"),
    "create": ("POST", "/conversations"),
    "begin a turn": ("POST", "/conversations/{created}/messages"),
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
# "the", and thirty of 20,000 words; the n-th word of them is said n times as seldom as the first.
_FILL_TEXTS = """
insert into messages (user_id, id, conversation_id, position, role, content, status, created_at)
select user_id, id, id, 1000, 'user', text, 'complete', now()
from conversations cross join lateral (
    select 'the ' || string_agg('w' || exp(random() * 10)::int, ' ') as text
    from generate_series(1, 30) where id is not null
) as texts
where user_id = %(user)s
"""
_TEXTS = """
select m.user_id, m.id, content, c.id, title
from messages as m join conversations as c on c.user_id = m.user_id and c.id = m.conversation_id
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
        self._connection.request(method, f"/api{path}", body, named)
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
            connection.execute(_FILL_TEXTS, {"user": str(size)})
            store_messages(connection, str(size))
            ((updated_at, id_),) = connection.execute(_MIDDLE, [str(size), size // 2]).fetchall()
            cursors.append(Cursor(updated_at, ConversationId(id_)).encode())
        asyncio.run(_index(database_url, connection))
        # The database's maintenance takes place now, so that none takes place while requests are measured.
        connection.execute("vacuum analyze")
        connection.execute("checkpoint")
    return cursors


async def _index(database_url: str, connection: psycopg.Connection[Any]) -> None:
    """Stores the terms of all texts. Otherwise the service would do so while it is measured."""
    async with PostgresStorage(database_url) as storage:
        with connection.transaction(), connection.cursor("texts") as texts:
            texts.execute(_TEXTS)
            while batch := texts.fetchmany(_BATCH):
                await storage.store_terms([_indexed(*row) for row in batch])


def _indexed(user: UserId, id_: MessageId, text: str, talk: ConversationId, title: str) -> IndexedText:
    pending = PendingText(
        ticket=0, user_id=user, conversation_id=talk, message_id=id_, text=text, text_version=len(text), title=title
    )
    return IndexedText(pending, text.split(), title.lower().split())


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
