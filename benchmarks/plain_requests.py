"""Measures the cost of list, open and create, beside bare routes and beside the service of another checkout."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from hashlib import md5
from itertools import product
from statistics import median
from typing import Any
from uuid import UUID

import psycopg
import uvloop
from attrs import define
from benchmarks.bare_routes import USER
from benchmarks.database import Bench
from benchmarks.options import Options
from benchmarks.processes import Reading
from benchmarks.programs import Running, serving
from benchmarks.results import Results
from benchmarks.stub_services import running_stub_services
from benchmarks.subjects import CHATCORE, authorization, http_request, module, services

#: The name of the bare routes in results.
BARE_ROUTE = "a bare route"
#: The conversation to which :func:`store_messages` adds messages, whose id is the hash of `c1`.
FIRST = UUID(md5(b"c1", usedforsecurity=False).hexdigest())

_CONNECTIONS = (1, 16)
_PAGE, _MESSAGES, _CONTENT_CHARS = 50, 100, 400
_WARM_UP_SECONDS, _LONGEST_SECONDS = 0.1, 1.0
# Answers of two servers may differ by some fields, but not by more.
_SIZE_TOLERANCE = 0.1
_FILL = """
insert into conversations (user_id, id, title, title_source, model_tag, created_at, updated_at)
select %(user)s, md5('c' || n)::uuid, 'A title of some words', 'auto', 'default', now(), now() - n * interval '1 hour'
from generate_series(1, %(page)s) as n
"""
_FILL_MESSAGES = """
insert into messages (user_id, id, conversation_id, parent_id, position, role, content, status, created_at, token_count,
    model_tag, inference_time_ms)
select %(user)s, md5('m' || n)::uuid, md5('c1')::uuid, case when n > 1 then md5('m' || n - 1)::uuid end, n,
    case n %% 2 when 1 then 'user' else 'assistant' end, repeat('x', %(chars)s), 'complete', now(),
    case n %% 2 when 0 then 80 end, case n %% 2 when 0 then 'default' end, case n %% 2 when 0 then 1200 end
from generate_series(1, %(messages)s) as n
"""
_MOVE_HEAD = """
update conversations set head_id = md5('m' || %(messages)s)::uuid, next_position = %(messages)s + 1
where user_id = %(user)s and id = md5('c1')::uuid
"""
_USER = authorization(USER)
_KINDS = {
    f"list, {_PAGE} conversations": http_request(f"GET /api/conversations?limit={_PAGE}", _USER),
    f"open, {_MESSAGES} messages": http_request(f"GET /api/conversations/{FIRST}", _USER),
    "create": http_request("POST /api/conversations", _USER, '{"title":"A title of some words"}'),
}


@define
class _Turn:
    """The result of one server in one turn: requests, CPU time of each, size of an answer, and problems."""

    requests: int = 0
    cpu_micros: float = 0.0
    size: int = 0
    problem: str = ""
    spoiled: str = ""


def measure_requests(options: Options, bench: Bench) -> Results:
    """Measures every kind of request with one connection and with sixteen, all servers on one core in turns."""
    costs: list[Mapping[str, object]] = []
    with ExitStack() as stack:
        port = stack.enter_context(running_stub_services())
        servers = {each.name: stack.enter_context(each.running(port, bench)) for each in services(options.beside)}
        for running in servers.values():
            _fill(running.database_url)
        bare = [*module("bare_routes"), f"--database-url={servers[CHATCORE].database_url}"]
        servers[BARE_ROUTE] = stack.enter_context(serving(bare, is_subject=True))
        for kind, connections in product(_KINDS, _CONNECTIONS):
            rounds = [
                [uvloop.run(_ask(each, _KINDS[kind], connections, options.seconds)) for each in servers.values()]
                for _ in range(options.rounds)
            ]
            ours, *others = zip(*rounds, strict=True)
            for beside, theirs in zip(list(servers)[1:], others, strict=True):
                costs.append({"kind": kind, "connections": connections, "beside": beside, **_cost(ours, theirs)})
    return {"costs": costs}


def _fill(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(_FILL, {"user": USER, "page": _PAGE})
        store_messages(connection, USER)
        connection.execute("analyze")


def store_messages(connection: psycopg.Connection[Any], user: str) -> None:
    """Adds a hundred messages to the user's conversation :data:`FIRST`."""
    connection.execute(_FILL_MESSAGES, {"user": user, "messages": _MESSAGES, "chars": _CONTENT_CHARS})
    connection.execute(_MOVE_HEAD, {"user": user, "messages": _MESSAGES})


async def _ask(running: Running, request: str, connections: int, seconds: float) -> _Turn:
    """Sends requests one after the other on each connection, and measures the server."""
    turn, writers = _Turn(), []

    async def call() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        writers.append(writer)
        while True:
            writer.write(request.encode())
            head = await reader.readuntil(b"\r\n\r\n")
            turn.size = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
            body = await reader.readexactly(turn.size)
            turn.requests += 1
            if not head.startswith(b"HTTP/1.1 20"):
                turn.problem = body[-300:].decode(errors="replace")

    callers = [asyncio.ensure_future(call()) for _ in range(connections)]
    await asyncio.sleep(_WARM_UP_SECONDS)
    first, before = Reading.of(server=running.pid), turn.requests
    await asyncio.wait(callers, timeout=min(seconds, _LONGEST_SECONDS), return_when=asyncio.FIRST_COMPLETED)
    turn.requests -= before
    last = Reading.of(server=running.pid)
    turn.cpu_micros = last.cpu_since(first, "server") * 1e6 / max(turn.requests, 1)
    ended = [f"a connection ended: {caller.exception()}" for caller in callers if caller.done()]
    for caller, writer in zip(callers, writers, strict=False):
        caller.cancel()
        writer.close()
    await asyncio.gather(*callers, *(writer.wait_closed() for writer in writers), return_exceptions=True)
    turn.problem = turn.problem or "; ".join(ended)
    turn.spoiled = last.disturbance_since(first) or ("" if turn.requests else "no request was answered in time")
    return turn


def _cost(ours: Sequence[_Turn], theirs: Sequence[_Turn]) -> Results:
    """Returns the medians of all turns, and the relation of the CPU times in each turn."""
    pairs = list(zip(ours, theirs, strict=True))
    problems = [turn.problem for pair in pairs for turn in pair if turn.problem]
    sizes = ours[-1].size, theirs[-1].size
    if all(sizes) and abs(sizes[0] - sizes[1]) > _SIZE_TOLERANCE * sizes[1]:
        problems.append("the answers have {} and {} bytes".format(*sizes))
    ratios = [mine.cpu_micros / other.cpu_micros for mine, other in pairs if other.cpu_micros] or [0.0]
    return {
        "cpu_micros": median(turn.cpu_micros for turn in ours),
        "beside_cpu_micros": median(turn.cpu_micros for turn in theirs),
        "ratio": median(ratios),
        "ratio_min": min(ratios),
        "ratio_max": max(ratios),
        "broken": "; ".join(problems),
        "spoiled": next((turn.spoiled for pair in pairs for turn in pair if turn.spoiled), ""),
    }
