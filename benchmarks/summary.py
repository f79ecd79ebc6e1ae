"""The figures that people read, out of the results of all rounds."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attrs import frozen
from benchmarks.first_token import STORED_RELAY
from benchmarks.spread import TIMES, Spread, in_relation, shown
from benchmarks.subjects import CHATCORE, DIRECTLY

# Who has fewer conversations has less than a page to be listed.
_LONGEST_PAGE = 200

Document = Mapping[str, Any]
#: Of one subject in one round: a :class:`benchmarks.measurement.Measurement` as JSON has it.
Measured = Mapping[str, Any]


@frozen
class Row:
    """One figure: of the service, of the limit, and the one in relation to the other."""

    what: str
    ours: str
    limit: str = ""
    ratio: str = ""
    target: str = ""


def rows(document: Document) -> Sequence[Row]:
    """All figures that the results have; a part that was not measured has none."""
    return [
        *_stream_rows(document.get("streams")),
        *_first_rows(document.get("first")),
        *_most_rows(document.get("most")),
        *_reader_rows(document.get("readers")),
        *_stalled_rows(document.get("stalled")),
        *_request_rows(document.get("requests")),
        *_growth_rows(document.get("growth")),
        *_rest_rows(document.get("rest")),
        *_path_rows(document.get("path")),
    ]


def notes(document: Document) -> Sequence[str]:
    """What has to be said beside the figures: who was the limit, and on what machine."""
    machines = {part["machine"] for part in document.values()}
    said = [f"Measured on {machine}." for machine in sorted(machines)]
    limits = {part["limit"] for part in document.values() if "limit" in part}
    streams = [document[part] for part in ("streams", "first", "growth") if part in document]
    return [*said, *(f"The limit is {limit}." for limit in sorted(limits)), *_disturbance(streams)]


def _disturbance(parts: Sequence[Document]) -> Iterator[str]:
    """What was wrong while streams were measured, and how quiet it was."""
    rounds = [turns for part in parts for turns in part["rounds"].values()]
    if trials := [measured for turns in rounds for turn in turns for measured in turn]:
        for trial in trials:
            # Whoever publishes such a run says so with it.
            if said := trial["broken"] or trial["spoiled"]:
                yield f"NOT VALID: {trial['subject']}, {trial['streams']:,} streams: {said}."
        taken = Spread.of(100 * (trial["stolen_share"] + trial["others_share"]) for trial in trials)
        yield f"Of one core, other programs and the machine beneath took {taken} % while streams were measured."


# -- Streams ----------------------------------------------------------------------------------------------------------


def of_subject(turn: Sequence[Measured], subject: str) -> Measured:
    """What a turn has of one subject.

    Raises:
        LookupError: nothing.
    """
    return next(measured for measured in turn if measured["subject"] == subject)


def spread(turns: Sequence[Sequence[Measured]], subject: str, figure: str) -> Spread:
    """A figure of one subject over all turns."""
    return Spread.of(of_subject(turn, subject)[figure] for turn in turns)


def _stream_rows(part: Document | None) -> Iterator[Row]:
    if not part:
        return
    for streams, turns in sorted(part["rounds"].items(), key=lambda item: int(item[0])):
        yield from _rows_at(f"{int(streams):,} streams", turns, part["limit"], _TARGETS.get(streams, {}))


#: By the number of streams, and by the figure.
_TARGETS = {
    "100": {"cpu_micros": f"≤ 2.0 {TIMES}", "memory_kb_per_stream": "≤ 45", "first_token_p50_ms": "≤ 2"},
    "1000": {"cpu_micros": f"≤ 1.5 {TIMES}", "memory_kb_per_stream": "≤ 45"},
}


def _rows_at(load: str, turns: Sequence[Sequence[Measured]], limit: str, targets: Mapping[str, str]) -> Iterator[Row]:
    def ratio(turn: Sequence[Measured]) -> float:
        return in_relation(of_subject(turn, CHATCORE)["cpu_micros"], of_subject(turn, limit)["cpu_micros"])

    def over_direct(subject: str) -> str:
        figure = "first_token_p50_ms"
        return str(Spread.of(of_subject(t, subject)[figure] - of_subject(t, DIRECTLY)[figure] for t in turns))

    def row(what: str, figure: str, ratio: str = "") -> Row:
        ours, least = (str(spread(turns, subject, figure)) for subject in (CHATCORE, limit))
        return Row(f"{load}: {what}", ours, least, ratio, targets.get(figure, ""))

    yield row("CPU, µs a token", "cpu_micros", f"{Spread.of(map(ratio, turns))} {TIMES}")
    yield Row(
        f"{load}: first token, p50, ms over the source directly",
        over_direct(CHATCORE),
        over_direct(limit),
        target=targets.get("first_token_p50_ms", ""),
    )
    yield row("relayed in, p50, ms", "latency_p50_ms")
    yield row("relayed in, p99, ms", "latency_p99_ms")
    yield row("memory, kB a stream", "memory_kb_per_stream")
    yield Row(f"{load}: PostgreSQL's CPU, µs a token", str(spread(turns, CHATCORE, "database_cpu_micros")))


def _first_rows(part: Document | None) -> Iterator[Row]:
    if not part:
        return
    ((streams, turns),) = part["rounds"].items()

    def over_direct(turn: Sequence[Measured], subject: str) -> float:
        figure = "first_token_p50_ms"
        return float(of_subject(turn, subject)[figure] - of_subject(turn, DIRECTLY)[figure])

    ours, least = (Spread.of(over_direct(turn, who) for turn in turns) for who in (CHATCORE, STORED_RELAY))
    ratio = Spread.of(in_relation(over_direct(turn, CHATCORE), over_direct(turn, STORED_RELAY)) for turn in turns)
    what = f"{streams} streams: first token, p50, ms over the source directly, beside the least that stores a turn"
    yield Row(what, str(ours), str(least), f"{ratio} {TIMES}")


# -- The others -------------------------------------------------------------------------------------------------------


def _most_rows(part: Document | None) -> Iterator[Row]:
    if not part:
        return
    found = {most["subject"]: most for most in part["found"]}
    if CHATCORE in found:
        ours, limit = found[CHATCORE], found.get(part["limit"])
        yield Row(
            "most streams held by one process, p99 < 100 ms",
            _most(ours),
            _most(limit) if limit else "",
            f"{ours['streams'] / limit['streams']:.2f} {TIMES}" if limit and limit["streams"] else "",
            "≥ 1,700",
        )


def _most(most: Mapping[str, Any]) -> str:
    return ("≥ " if most["is_limit_of_tools"] else "") + f"{most['streams']:,}"


def _reader_rows(part: Document | None) -> Iterator[Row]:
    if not part:
        return
    elsewhere: Sequence[tuple[Measured, Measured]] = part["elsewhere"]

    def read(figure: str) -> str:
        return str(Spread.of(reading[figure] for _, reading in elsewhere))

    def added(figure: str) -> str:
        return str(Spread.of(reading[figure] - alone[figure] for alone, reading in elsewhere))

    yield Row("reader on another replica: CPU there, µs a token", read("reader_cpu_micros"))
    yield Row("reader on another replica: CPU added to the owner, µs a token", added("owner_cpu_micros"))
    yield Row("reader on another replica: CPU added to PostgreSQL, µs a token", added("database_cpu_micros"))
    yield Row("reader on another replica: behind by, p50, ms", read("delay_p50_ms"))
    yield Row("reader on another replica: behind by, p99, ms", read("delay_p99_ms"))
    yield from _thousand_rows(part["thousand"])


def _thousand_rows(turns: Sequence[tuple[Measured, Measured]]) -> Iterator[Row]:
    def ours(figure: str) -> str:
        return str(Spread.of(cost[figure] for _, cost in turns))

    ratios = Spread.of(in_relation(cost["reader_cpu_micros"], limit["cpu_micros"]) for limit, cost in turns)
    limits = Spread.of(limit["cpu_micros"] for limit, _ in turns)
    what = "1,000 readers of one reply"
    yield Row(f"{what}: CPU, µs a token sent", ours("reader_cpu_micros"), str(limits), f"{ratios} {TIMES}")
    yield Row(f"{what}: p99, ms", ours("delay_p99_ms"), str(Spread.of(limit["latency_p99_ms"] for limit, _ in turns)))
    yield Row(f"{what}: memory, kB a reader", ours("memory_kb"))


def _stalled_rows(part: Document | None) -> Iterator[Row]:
    if not part:
        return

    def figure(name: str) -> str:
        return str(Spread.of(cost[name] for cost in part["rounds"]))

    ratio = Spread.of(in_relation(cost["beside_p99_ms"], cost["alone_p99_ms"]) for cost in part["rounds"])
    what = "100 readers who read nothing"
    yield Row(
        f"{what}: p99 of 100 others, ms, and without them",
        figure("beside_p99_ms"),
        figure("alone_p99_ms"),
        f"{ratio} {TIMES}",
    )
    yield Row(f"{what}: memory, kB each", figure("memory_kb"), target="≤ 256")


def _request_rows(part: Document | None) -> Iterator[Row]:
    for cost in part["costs"] if part else ():
        what = f"{cost['kind']}, {cost['connections']} at once"
        ratio = Spread(cost["ratio"], cost["ratio_min"], cost["ratio_max"])
        yield Row(
            f"{what}: CPU, µs a request, beside a bare route",
            shown(cost["cpu_micros"]),
            shown(cost["bare_cpu_micros"]),
            f"{ratio} {TIMES}",
            f"≤ 1.5 {TIMES}",
        )
        yield Row(f"{what}: requests/s", shown(cost["requests_per_second"]), shown(cost["bare_requests_per_second"]))


def _growth_rows(part: Document | None) -> Iterator[Row]:
    if not part:
        return
    for streams, turns in sorted(part["rounds"].items(), key=lambda item: int(item[0])):
        ours, least = (spread(turns, subject, "cpu_micros").median for subject in (CHATCORE, part["limit"]))
        what = f"growth, {int(streams):,} streams: CPU, µs a token"
        yield Row(what, shown(ours), shown(least), f"{ours / least:.2f} {TIMES}")
    costs: Sequence[Measured] = part["costs"]
    for kind in dict.fromkeys(cost["kind"] for cost in costs):
        of_kind = [cost for cost in costs if cost["kind"] == kind]
        yield _growth_row(of_kind, "µs in PostgreSQL", "database_ms", 1000)
        yield _growth_row(of_kind, "ms over HTTP", "request_ms", 1)


def _growth_row(costs: Sequence[Measured], what: str, figure: str, factor: float) -> Row:
    """Of ever more conversations, the most in relation to the least of which a list has more than a page."""
    sizes = " / ".join(f"{cost['conversations']:,}" for cost in costs)
    figures = " / ".join(shown(cost[figure] * factor) for cost in costs)
    base = next(cost for cost in costs if cost["conversations"] > _LONGEST_PAGE)
    ratio = f"{shown(costs[-1][figure] / base[figure])} {TIMES} that of {base['conversations']:,}"
    return Row(f"{costs[0]['kind']}, {what}, of {sizes} conversations", figures, ratio=ratio)


def _rest_rows(part: Document | None) -> Iterator[Row]:
    if not part:
        return

    def row(what: str, figure: str, factor: float, target: str = "") -> Row:
        return Row(what, str(Spread.of(turn[figure] * factor for turn in part["rounds"])), target=target)

    yield row("from the start to being ready, s", "startup_seconds", 1, "< 1")
    yield row("idle: CPU, % of a core", "idle_cpu_share", 100, "near 0")
    yield row("idle: memory, MB", "memory_kb", 1 / 1024)


def _path_rows(part: Document | None) -> Iterator[Row]:
    for what, nanos in part["nanos"].items() if part else ():
        yield Row(f"by itself: {what}, ns a token", shown(nanos))
