"""What a plain request costs: list, open and create, beside bare routes that run the same statements.

    python -m benchmarks.plain_requests
    python -m benchmarks.plain_requests --rounds 3 --seconds 0.5

Linux only. Both servers run at once, on the same core, and are asked in turns.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from hashlib import md5
from pathlib import Path
from statistics import median
from typing import Any
from uuid import UUID

import orjson
import psycopg
from attrs import asdict, frozen
from benchmarks.bare_routes import USER
from benchmarks.options import count, duration
from benchmarks.programs import SUBJECT_CORE, free_port, pin, program, wait_for
from benchmarks.request_client import Answers, Requests
from benchmarks.streams import database
from benchmarks.subjects import Chatcore, Running

PAGE = 50
MESSAGES = 100
#: What is said in an ordinary message.
_CONTENT_CHARS = 400

_FILL = """
insert into conversations
select %(user)s, md5('c' || n)::uuid, 'A title of some words', 'auto', 'default', null, 1, now(),
    now() - n * interval '1 hour'
from generate_series(1, %(page)s) as n;
"""
_FILL_MESSAGES = """
insert into messages
select %(user)s, md5('m' || n)::uuid, md5('c1')::uuid, case when n > 1 then md5('m' || n - 1)::uuid end, n,
    case n %% 2 when 1 then 'user' else 'assistant' end, repeat('x', %(chars)s), 'complete', null,
    case n %% 2 when 0 then 80 end, case n %% 2 when 0 then 'default' end, case n %% 2 when 0 then 1200 end, now()
from generate_series(1, %(messages)s) as n
"""
_MOVE_HEAD = """
update conversations set head_id = md5('m' || %(messages)s)::uuid, next_position = %(messages)s + 1
where user_id = %(user)s and id = md5('c1')::uuid
"""


@frozen(kw_only=True)
class RequestCost:
    """What one kind of request costs with so many connections: medians of several turns, and the ratio's spread."""

    kind: str
    connections: int
    requests_per_second: float
    bare_requests_per_second: float
    latency_p50_ms: float
    bare_latency_p50_ms: float
    cpu_micros: float
    bare_cpu_micros: float
    #: Of each turn's two figures.
    ratio: float
    ratio_min: float
    ratio_max: float


@frozen
class Kind:
    """One kind of request."""

    name: str
    head: str
    status_line: str
    body: str = ""

    def text(self) -> str:
        """The whole request, as a browser's script would send it."""
        lines = [f"{self.head} HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {USER}", "Accept: */*"]
        if self.body:
            lines += ["Content-Type: application/json", f"Content-Length: {len(self.body)}"]
        return "\r\n".join([*lines, "", self.body])


class WrongAnswerError(Exception):
    """What was measured is not what should have been; ``str()`` says how."""


def kinds() -> Sequence[Kind]:
    """All that are measured."""
    first = UUID(md5(b"c1", usedforsecurity=False).hexdigest())
    return (
        Kind(f"list, {PAGE} conversations", f"GET /api/conversations?limit={PAGE}", "HTTP/1.1 200 "),
        Kind(f"open, {MESSAGES} messages", f"GET /api/conversations/{first}", "HTTP/1.1 200 "),
        Kind("create", "POST /api/conversations", "HTTP/1.1 201 ", '{"title":"A title of some words"}'),
    )


def measure(url: str, folder: Path, *, connections: Sequence[int], rounds: int, seconds: float) -> list[RequestCost]:
    """Measures every kind with each number of connections.

    Args:
        url: of a database of the benchmark's own.
        folder: for what the subjects keep.
        connections: how many at once, for each measurement.
        rounds: how often the two take turns.
        seconds: of each turn.

    Raises:
        WrongAnswerError: an answer was not as it should be, or the two differ.
    """
    with _both(url, folder) as (service, bare):
        _fill(url)
        return [
            _cost(
                kind,
                count,
                [(_ask(service, kind, count, seconds), _ask(bare, kind, count, seconds)) for _ in range(rounds)],
            )
            for kind in kinds()
            for count in connections
        ]


@contextmanager
def _both(url: str, folder: Path) -> Generator[tuple[Running, Running]]:
    source_port, bare_port = free_port(), free_port()
    python = [sys.executable, "-m"]
    with ExitStack() as stack:
        stack.enter_context(program([*python, "benchmarks.token_source", f"--port={source_port}", "--tokens=0"]))
        wait_for(source_port)
        service = stack.enter_context(Chatcore(url).running(source_port, folder))
        command = [*python, "benchmarks.bare_routes", f"--port={bare_port}", f"--database-url={url}"]
        pid = stack.enter_context(program(command, core=SUBJECT_CORE))
        wait_for(bare_port)
        yield service, Running(bare_port, pid)


def _fill(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_FILL, {"user": USER, "page": PAGE})
        store_messages(connection, USER)
        connection.execute("analyze")


def store_messages(connection: psycopg.Connection[Any], user: str) -> None:
    """A conversation that is there, the one of which the id is the hash of `c1`, gets its hundred messages."""
    values = {"user": user, "messages": MESSAGES, "chars": _CONTENT_CHARS}
    connection.execute(_FILL_MESSAGES, values)
    connection.execute(_MOVE_HEAD, values)


def _ask(running: Running, kind: Kind, connections: int, seconds: float) -> Answers:
    requests = Requests(
        port=running.port,
        pid=running.pid,
        request=kind.text(),
        status_line=kind.status_line,
        connections=connections,
        seconds=seconds,
    )
    client = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.request_client"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    pin(client.pid, None)
    output, _ = client.communicate(orjson.dumps(asdict(requests)))
    answers = Answers(**orjson.loads(output))
    if answers.first_problem:
        raise WrongAnswerError(f"{kind.name}: {answers.first_problem[-300:]}")
    return answers


def _cost(kind: Kind, connections: int, turns: Sequence[tuple[Answers, Answers]]) -> RequestCost:
    ratios = [_cpu_micros(service) / _cpu_micros(bare) for service, bare in turns]
    services, bares = zip(*turns, strict=True)
    if _shown(services[0]) != _shown(bares[0]):
        raise WrongAnswerError(f"{kind.name}: the service's answer differs from that of the bare route.")
    return RequestCost(
        kind=kind.name,
        connections=connections,
        requests_per_second=median(answers.requests / answers.seconds for answers in services),
        bare_requests_per_second=median(answers.requests / answers.seconds for answers in bares),
        latency_p50_ms=median(answers.latency_p50_ms for answers in services),
        bare_latency_p50_ms=median(answers.latency_p50_ms for answers in bares),
        cpu_micros=median(map(_cpu_micros, services)),
        bare_cpu_micros=median(map(_cpu_micros, bares)),
        ratio=median(ratios),
        ratio_min=min(ratios),
        ratio_max=max(ratios),
    )


def _cpu_micros(answers: Answers) -> float:
    return answers.cpu_seconds * 1e6 / answers.requests


def _shown(answers: Answers) -> object:
    document: dict[str, object] = orjson.loads(answers.body)
    # Of what is made anew by every request only the names are the same.
    return document if "items" in document or "messages" in document else sorted(document)


def main() -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(description="What a plain request costs.")
    parser.add_argument("--connections", type=count, nargs="+", default=[1, 16], help="at once (default: 1 16)")
    parser.add_argument("--rounds", type=count, default=5, help="how often the two take turns (default: 5)")
    parser.add_argument("--seconds", type=duration, default=1.0, help="of each turn (default: 1)")
    options = parser.parse_args()
    row = "{:24}{:>12}{:>10}{:>10}{:>10}{:>10}{:>10}{:>16}"
    print(row.format("", "connections", "req/s", "bare", "CPU µs", "bare", "times", "min-max"))
    with tempfile.TemporaryDirectory(prefix="chatcore-bench-") as name, database(Path(name)) as url:
        costs = measure(
            url, Path(name), connections=options.connections, rounds=options.rounds, seconds=options.seconds
        )
    for cost in costs:
        figures = (cost.requests_per_second, cost.bare_requests_per_second, cost.cpu_micros, cost.bare_cpu_micros)
        spread = f"{cost.ratio_min:.2f}-{cost.ratio_max:.2f}"
        print(row.format(cost.kind, cost.connections, *(f"{x:.0f}" for x in figures), f"{cost.ratio:.2f}", spread))
    return 0


if __name__ == "__main__":
    sys.exit(main())
