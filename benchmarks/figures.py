"""Turns results into figures for readers: the rows of a table, and the notes below the table."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import product
from statistics import median
from typing import Self

from attrs import astuple, frozen
from benchmarks.plain_requests import BARE_ROUTE
from benchmarks.results import Results
from benchmarks.subjects import CHATCORE, DIRECT, NGINX

TIMES = "\N{MULTIPLICATION SIGN}"

_HEADINGS = ("", "chatcore", "limit", "in relation", "target")
_ONE_PLACE_FROM, _WHOLE_FROM = 10, 100
# A list of fewer conversations does not fill a page.
_LONGEST_PAGE = 200
_FIRST_TOKEN = {"first_token_over_direct": "first token, p50, ms over the source directly"}
_CPU = {"cpu_micros": "CPU, µs a token"}
_STREAM_FIGURES = {
    **_CPU,
    **_FIRST_TOKEN,
    "latency_p50_ms": "latency, p50, ms",
    "latency_p99_ms": "latency, p99, ms",
    "memory_kb_per_stream": "memory, kB a stream",
    "database_cpu_micros": "PostgreSQL's CPU, µs a token",
}
_TARGETS = {
    "100": {"cpu_micros": f"≤ 2.0 {TIMES}", "first_token_over_direct": "≤ 2", "memory_kb_per_stream": "≤ 45"},
    "1000": {"cpu_micros": f"≤ 1.5 {TIMES}", "memory_kb_per_stream": "≤ 45"},
}
_MOST_TARGET, _REQUEST_TARGET, _STALLED_TARGET = "≥ 1,700", f"≤ 1.5 {TIMES}", "≤ 256"


@frozen
class Row:
    """A figure of the service, the same figure of the limit, and their relation."""

    what: str
    ours: str
    limit: str = ""
    ratio: str = ""
    target: str = ""


@frozen
class Spread:
    """The median, the least and the most of several rounds."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Self:
        """Returns the spread of at least one value."""
        found = list(values)
        return cls(median(found), min(found), max(found))

    def __str__(self) -> str:
        if self.least == self.most:
            return shown(self.median)
        return f"{shown(self.median)} ({shown(self.least)}\N{EN DASH}{shown(self.most)})"


def shown(value: float) -> str:
    """Returns a number with three significant digits."""
    if abs(value) >= _WHOLE_FROM:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= _ONE_PLACE_FROM else f"{value:.2f}"


def in_relation(figure: float, to: float) -> str:
    """Returns the quotient of two figures as text; empty if the second figure is 0."""
    return f"{shown(figure / to)} {TIMES}" if to else ""


def rows(document: Results) -> Sequence[Row]:
    """Returns all rows; a part that was not measured has no rows."""
    return [row for name, rows_of in _ROWS.items() if name in document for row in rows_of(document[name])]


def notes(document: Results) -> Sequence[str]:
    """Returns sentences on the machine, the limit, and other work on the machine."""
    loads = [part["rounds"].values() for part in document.values() if isinstance(part.get("rounds"), Mapping)]
    taken = [100 * one["taken_share"] for turns in loads for rounds in turns for turn in rounds for one in turn]
    return [
        *(f"Measured on {machine}." for machine in sorted({part["machine"] for part in document.values()})),
        *(
            [f"Other programs and the hypervisor took {Spread.of(taken)} % of one core while streams were measured."]
            if taken
            else []
        ),
    ]


def table(shown_rows: Sequence[Row]) -> str:
    """Returns the rows as a table in Markdown."""
    width = max((len(row.what) for row in shown_rows), default=0)
    lines = [_HEADINGS, ("---", "--:", "--:", "--:", "--:"), *(astuple(row) for row in shown_rows)]
    return "\n".join(f"| {line[0]:{width}} | {' | '.join(line[1:])} |" for line in lines)


def figure_of(turn: Sequence[Results], subject: str, figure: str) -> float:
    """Returns a figure of one subject in a round, minus that of :data:`DIRECT` for first tokens."""
    by_subject = {measured["subject"]: measured for measured in turn}
    if figure in _FIRST_TOKEN:
        return float(by_subject[subject]["first_token_p50_ms"] - by_subject[DIRECT]["first_token_p50_ms"])
    return float(by_subject[subject][figure])


def _ratio(pairs: Iterable[Sequence[float]]) -> str:
    ratios = [mine / other for mine, other in pairs if other]
    return f"{Spread.of(ratios)} {TIMES}" if ratios else ""


def _stream_rows(part: Results, figures: Mapping[str, str]) -> Iterator[Row]:
    """Compares the service with every other subject."""
    for streams, turns in sorted(part["rounds"].items(), key=lambda item: int(item[0])):
        others = [one["subject"] for one in turns[0] if one["subject"] not in {DIRECT, CHATCORE}]
        for beside, (figure, name) in product(others, figures.items()):
            what, target = f"{int(streams):,} streams: {name}", _TARGETS.get(streams, {}).get(figure, "")
            pairs = [[figure_of(turn, subject, figure) for subject in (CHATCORE, beside)] for turn in turns]
            ours, theirs = (str(Spread.of(column)) for column in zip(*pairs, strict=True))
            if beside == NGINX:
                yield Row(what, ours, theirs, _ratio(pairs) if figure == "cpu_micros" else "", target)
            else:
                yield Row(f"{what}, beside {beside}", ours, theirs, _ratio(pairs))


def _most_rows(part: Results) -> Iterator[Row]:
    found = {most["subject"]: most for most in part["found"]}
    ours = found.pop(CHATCORE, None)
    for beside, theirs in found.items() if ours else ():
        what = "most streams held by one process, p99 < 100 ms" + (f", beside {beside}" if beside != NGINX else "")
        counts = [f"{'≥ ' if most['is_limit_of_tools'] else ''}{most['streams']:,}" for most in (ours, theirs)]
        are_known = not (ours["is_limit_of_tools"] or theirs["is_limit_of_tools"])
        ratio = in_relation(ours["streams"], theirs["streams"]) if are_known else ""
        yield Row(what, counts[0], counts[1], ratio, _MOST_TARGET)


def _stalled_rows(part: Results) -> Iterator[Row]:
    ours, alone, memory = (_over(part, name) for name in ("beside_p99_ms", "alone_p99_ms", "memory_kb"))
    pairs = [(cost["beside_p99_ms"], cost["alone_p99_ms"]) for cost in part["rounds"]]
    what = "100 readers who read nothing"
    yield Row(f"{what}: p99 of 100 others, ms, and without them", ours, alone, _ratio(pairs))
    yield Row(f"{what}: memory, kB each", memory, target=_STALLED_TARGET)


def _over(part: Results, figure: str, factor: float = 1) -> str:
    return str(Spread.of(cost[figure] * factor for cost in part["rounds"]))


def _request_rows(part: Results) -> Iterator[Row]:
    for cost in part["costs"]:
        what = f"{cost['kind']}, {cost['connections']} at once: CPU, µs a request, beside {cost['beside']}"
        ratio = f"{Spread(cost['ratio'], cost['ratio_min'], cost['ratio_max'])} {TIMES}"
        target = _REQUEST_TARGET if cost["beside"] == BARE_ROUTE else ""
        yield Row(what, shown(cost["cpu_micros"]), shown(cost["beside_cpu_micros"]), ratio, target)


def _growth_rows(part: Results) -> Iterator[Row]:
    """Compares the most conversations with the fewest that fill a page."""
    for kind in dict.fromkeys(cost["kind"] for cost in part["costs"]):
        costs = [cost for cost in part["costs"] if cost["kind"] == kind]
        base = next((cost for cost in costs if cost["conversations"] > _LONGEST_PAGE), costs[-1])
        sizes = " / ".join(f"{cost['conversations']:,}" for cost in costs)
        for figure, unit in (("request_ms", "ms"), ("database_cpu_micros", "PostgreSQL's CPU, µs")):
            if figure in base:
                figures = " / ".join(shown(cost[figure]) for cost in costs)
                ratio = f"{in_relation(costs[-1][figure], base[figure])} that of {base['conversations']:,}"
                yield Row(f"{kind}, {unit}, of {sizes} conversations", figures, ratio=ratio)


def _rest_rows(part: Results) -> Iterator[Row]:
    yield Row("from the start to being ready, s", _over(part, "startup_seconds"), target="< 1")
    yield Row("idle: CPU, % of a core", _over(part, "idle_cpu_share", 100), target="near 0")
    yield Row("idle: memory, MB", _over(part, "memory_kb", 1 / 1024))


_ROWS: Mapping[str, Callable[[Results], Iterator[Row]]] = {
    "streams": partial(_stream_rows, figures=_STREAM_FIGURES),
    "first": partial(_stream_rows, figures=_FIRST_TOKEN),
    "protocols": partial(_stream_rows, figures=_CPU),
    "most": _most_rows,
    "stalled": _stalled_rows,
    "requests": _request_rows,
    "growth": _growth_rows,
    "rest": _rest_rows,
}
