"""From what trials measured to the figures, the table, the picture and the page."""

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from attrs import asdict, evolve
from benchmarks.first_token import STORED_RELAY
from benchmarks.load_client import Heard, Timings, quantile
from benchmarks.machine import most_streams, one_core_warning, require_files, require_linux
from benchmarks.measurement import Measurement, measurement
from benchmarks.meter import Used
from benchmarks.most import START_STREAMS, Search, most_held
from benchmarks.page import renewed
from benchmarks.picture import Bar, Panel, panels, svg
from benchmarks.problem import BenchmarkError
from benchmarks.processes import CoreTimes
from benchmarks.results_file import merge, read
from benchmarks.spread import Spread, shown
from benchmarks.streams import complaints
from benchmarks.subjects import CHATCORE, DIRECTLY, NGINX
from benchmarks.summary import Row, notes, rows
from benchmarks.table import markdown_table, terminal_table

CORES = {"tools": CoreTimes(idle=0.4, stolen=0.0), "all": CoreTimes(idle=1.8, stolen=0.02, cores=2)}
CPU = {"subject": 0.1, "source": 0.02, "client": 0.01, "database": 0.005}


TIMINGS = Timings(tokens=[1000] * 1980 + [90_000] * 20, first_tokens=[2000])
HEARD = Heard(broken_streams=0, problem="", busy_share=0.3, timings=TIMINGS)


def measured(subject: str = CHATCORE, *, cpu: float = 0.1, late: int = 0, heard: Heard = HEARD) -> Measurement:
    """What 100 streams came to of which 2,000 tokens were heard in a second."""
    used = Used(1.0, {**CPU, "subject": cpu}, CORES)
    lateness = [(0, 2000 - late), (50, late)]
    return measurement(subject, 100, heard, used, late=lateness, memory_kb=4500)


# -- One trial --------------------------------------------------------------------------------------------------------


def test_quantiles_are_of_the_values_themselves() -> None:
    assert [quantile(range(100), share) for share in (0.0, 0.5, 0.99, 1.0)] == [0, 50, 99, 99]
    assert quantile([7], 0.99) == 7
    assert quantile([], 0.5) == 0.0


def test_what_was_used_is_told_by_the_token() -> None:
    trial = measured()
    assert (trial.tokens, trial.expected_tokens) == (2000, 2000)
    assert (trial.cpu_micros, trial.source_cpu_micros, trial.database_cpu_micros) == pytest.approx((50, 10, 2.5))
    assert (trial.memory_kb_per_stream, trial.latency_p50_ms, trial.first_token_p50_ms) == (45, 1, 2)
    assert (trial.share_in_time, trial.broken, trial.spoiled) == (1.0, "", "")
    assert trial.is_held


def test_a_trial_without_a_single_token_has_figures_too() -> None:
    trial = measured(heard=evolve(HEARD, timings=Timings()))
    assert (trial.tokens, trial.latency_p99_ms) == (0, 0.0)
    assert not trial.is_held


@pytest.mark.parametrize(
    "timings",
    [
        Timings(tokens=[1000] * 1979 + [100_000] * 21),
        Timings(tokens=[1000] * 1900),
    ],
    ids=["more than one of a hundred too late", "tokens missing in the window"],
)
def test_what_does_not_keep_up_is_not_held(timings: Timings) -> None:
    assert not measured(heard=evolve(HEARD, timings=timings)).is_held


def test_what_holds_when_it_is_tried_once_more_was_not_too_much() -> None:
    late = measured(late=2000, heard=evolve(HEARD, timings=Timings()))
    trials = iter([evolve(late, others_share=0.9), measured()])
    found = Search(CHATCORE, lambda _: next(trials), show=lambda _: None).run(START_STREAMS)
    assert (found.streams, found.why_not_more, found.is_limit_of_tools) == (START_STREAMS, "", False)


def test_a_broken_stream_is_not_held_and_spoils_the_run() -> None:
    trial = measured(heard=evolve(HEARD, broken_streams=2, problem="a wrong line after 3 tokens: x"))
    assert not trial.is_held
    assert complaints([[measured(), trial]]) == ["2 streams were not whole: a wrong line after 3 tokens: x"]


def test_streams_that_are_turned_away_are_not_held_and_not_wrong() -> None:
    refused, wrong = (
        measured(heard=evolve(HEARD, broken_streams=2, problem=problem))
        for problem in ("a refusal after 0 tokens: HTTP/1.1 503", "a wrong line after 3 tokens: x")
    )
    assert (refused.is_held, wrong.is_held) == (False, False)
    assert (refused.is_refused, wrong.is_refused, measured().is_refused) == (True, False, False)


def test_tools_that_were_the_bottleneck_spoil_the_run() -> None:
    assert measured(late=20).spoiled == ""
    assert measured(late=21).spoiled.startswith("the token source was the bottleneck")
    assert measured(heard=evolve(HEARD, busy_share=0.98)).spoiled.startswith("the load client was the bottleneck")
    assert len(complaints([[measured(late=21)], [measured(heard=evolve(HEARD, busy_share=0.98))]])) == 2


def test_what_others_take_of_the_machine_is_a_disturbance() -> None:
    quiet = measured()
    assert quiet.others_share == pytest.approx(2 - 1.8 - 0.02 - 0.135)
    assert quiet.disturbance == 0.0
    assert evolve(quiet, others_share=0.5).disturbance == pytest.approx(0.52)
    assert evolve(quiet, stolen_share=0.4).disturbance > 0.4


# -- The most streams -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("most", [0, 99, 100, 150, 799, 800, 1234, 3199, 3200, 6399, 6400, 10_000])
def test_the_most_is_found_to_the_step(most: int) -> None:
    asked: list[int] = []

    def holds(streams: int) -> bool:
        asked.append(streams)
        return streams <= most

    assert most_held(holds, start=800, ceiling=6400, step=100) == min(most // 100 * 100, 6400)
    # Nothing is asked twice, nothing beyond what is too much, and no more than bisection needs.
    assert len(asked) == len(set(asked)) <= 10
    assert all(streams < failed for n, failed in enumerate(asked) if failed > most for streams in asked[n + 1 :])


def test_the_search_ends_whatever_it_is_told() -> None:
    answers = iter([True, False] * 20)
    assert most_held(lambda _: next(answers), start=800, ceiling=6400, step=100) in range(0, 6401, 100)


# -- The machine ------------------------------------------------------------------------------------------------------


def test_too_few_open_files_are_told_with_how_many_are_needed() -> None:
    require_files(1000, 2100)
    with pytest.raises(BenchmarkError, match="1000 streams need 2100 open files in one process, and 2099 are allowed"):
        require_files(1000, 2099)
    assert most_streams(2100) == 1000


def test_other_systems_and_single_cores_are_told() -> None:
    require_linux("linux")
    with pytest.raises(BenchmarkError, match="The benchmark needs Linux"):
        require_linux("darwin")
    assert one_core_warning(2) == ""
    assert "There is one core here" in one_core_warning(1)


# -- Figures ----------------------------------------------------------------------------------------------------------


def test_a_spread_shows_its_median_and_how_far_it_goes() -> None:
    assert str(Spread.of([3.0, 1.0, 2.0])) == "2.00 (1.00\N{EN DASH}3.00)"
    assert str(Spread.of([1700])) == "1,700"
    assert [shown(value) for value in (0.0, 0.04, 1.26, 99.96, 1234.5)] == ["0.00", "0.04", "1.26", "100.0", "1,234"]


def document() -> dict[str, Any]:
    """Results of two rounds in which the service took 1.5 and then 2 times what the limit did."""
    turns = [
        [asdict(measured(DIRECTLY, cpu=0.0)), asdict(measured(NGINX, cpu=0.04)), asdict(measured(cpu=cpu))]
        for cpu in (0.06, 0.08)
    ]
    for turn in turns:
        turn.append({**turn[1], "subject": "bytes through, asyncio"})
    most = {"cpu_micros": 20.0, "latency_p99_ms": 9.0, "why_not_more": "", "is_limit_of_tools": False}
    found = [{**most, "subject": NGINX, "streams": 2000, "is_limit_of_tools": True}]
    found.append({**most, "subject": CHATCORE, "streams": 1500})
    where = {"machine": "2 cores", "limit": NGINX, "taken_at": "2026-01-01T00:00+00:00"}
    return {"streams": {**where, "rounds": {"100": turns}}, "most": {**where, "found": found}}


def test_figures_are_in_relation_to_the_limit_of_the_same_round() -> None:
    by_name = {row.what: row for row in rows(document())}
    cpu = by_name["100 streams: CPU, µs a token"]
    assert (cpu.ours, cpu.limit) == ("35.0 (30.0\N{EN DASH}40.0)", "20.0")
    assert cpu.ratio == "1.75 (1.50\N{EN DASH}2.00) \N{MULTIPLICATION SIGN}"
    most = by_name["most streams held by one process, p99 < 100 ms"]
    assert (most.ours, most.limit, most.ratio) == ("1,500", "≥ 2,000", "0.75 \N{MULTIPLICATION SIGN}")
    machine, limit, quiet = notes(document())
    assert (machine, limit) == ("Measured on 2 cores.", f"The limit is {NGINX}.")
    assert quiet.startswith("Of one core, other programs and the machine beneath took")


def test_results_of_one_part_are_figures_too_and_of_none_are_none() -> None:
    assert len(rows({"most": document()["most"]})) == 1
    assert rows({}) == []


def test_every_part_has_its_figures() -> None:
    follow = {"owner_cpu_micros": 60.0, "database_cpu_micros": 9.0, "reader_cpu_micros": 12.0}
    follow |= {"delay_p50_ms": 300.0, "delay_p99_ms": 450.0, "memory_kb": 16.0}
    limit = {"cpu_micros": 24.0, "latency_p99_ms": 2.0}
    cost = {"cpu_micros": 300.0, "bare_cpu_micros": 200.0, "ratio": 1.5, "ratio_min": 1.4, "ratio_max": 1.6}
    rate = {"kind": "list", "connections": 16, "requests_per_second": 900.0, "bare_requests_per_second": 1300.0}
    firsts = {DIRECTLY: 0.2, STORED_RELAY: 2.2, CHATCORE: 3.4}
    measured_parts = {
        "first": {"rounds": {"100": [[{"subject": who, "first_token_p50_ms": ms} for who, ms in firsts.items()]]}},
        "readers": {"elsewhere": [[{**follow, "owner_cpu_micros": 50.0}, follow]], "thousand": [[limit, follow]]},
        "stalled": {"rounds": [{"beside_p99_ms": 3.0, "alone_p99_ms": 2.0, "memory_kb": 250.0}]},
        "requests": {"costs": [{**cost, **rate}]},
        "rest": {"rounds": [{"startup_seconds": 0.9, "idle_cpu_share": 0.002, "memory_kb": 65_536.0}]},
        "path": {"nanos": {"What a frame says": 2245.0}},
    }
    by_name = {row.what: row for row in rows(measured_parts)}
    first = by_name["100 streams: first token, p50, ms over the source directly, beside the least that stores a turn"]
    assert (first.ours, first.limit, first.ratio) == ("3.20", "2.00", "1.60 \N{MULTIPLICATION SIGN}")
    assert by_name["reader on another replica: CPU added to the owner, µs a token"].ours == "10.0"
    assert by_name["1,000 readers of one reply: CPU, µs a token sent"].ratio == "0.50 \N{MULTIPLICATION SIGN}"
    assert by_name["100 readers who read nothing: memory, kB each"].target == "≤ 256"
    assert by_name["list, 16 at once: requests/s"].ours == "900"
    assert by_name["idle: memory, MB"].ours == "64.0"
    assert by_name["by itself: What a frame says, ns a token"].ours == "2,245"


def test_a_run_that_is_not_valid_says_so_wherever_its_figures_are() -> None:
    results = document()
    results["streams"]["rounds"]["100"][0][2]["spoiled"] = "the load client was the bottleneck"
    assert f"NOT VALID: {CHATCORE}, 100 streams: the load client was the bottleneck." in notes(results)


def test_a_run_whose_limit_broke_is_shown_without_a_relation_to_it() -> None:
    broken = document()
    for turn in broken["streams"]["rounds"]["100"]:
        for trial in turn:
            trial["cpu_micros"] = 0.0
    ET.fromstring(svg(panels(broken)))  # noqa: S314 - our own
    assert any(row.ratio.startswith("nan") for row in rows(broken))


def test_tables_have_a_line_for_each_figure() -> None:
    table = [Row("memory", "45", "14", "3.2", "≤ 45"), Row("a long name", "1")]
    assert terminal_table(table).splitlines() == [
        "             chatcore  limit  in relation  target",
        "memory             45     14          3.2    ≤ 45",
        "a long name         1                            ",
    ]
    assert markdown_table(table).splitlines()[1:] == [
        "| --- | --: | --: | --: | --: |",
        "| memory | 45 | 14 | 3.2 | ≤ 45 |",
        "| a long name | 1 |  |  |  |",
    ]


# -- The picture ------------------------------------------------------------------------------------------------------


def test_the_picture_has_a_bar_for_each_subject_within_its_bounds() -> None:
    picture = ET.fromstring(svg(panels(document())))  # noqa: S314 - our own
    name = "{http://www.w3.org/2000/svg}"
    width, height = float(picture.attrib["width"]), float(picture.attrib["height"])
    background, *bars = picture.findall(f"{name}rect")
    assert background.attrib["width"] == picture.attrib["width"]
    assert len(bars) == 5
    for bar in bars:
        assert float(bar.attrib["x"]) + float(bar.attrib["width"]) < width
        assert float(bar.attrib["y"]) + float(bar.attrib["height"]) < height
    texts = [text.text for text in picture.findall(f"{name}text")]
    assert {CHATCORE, NGINX, "2,000 or more: the tools were the limit"} <= set(texts)
    # Bars of one panel are on one scale: 20 and 35 µs.
    assert float(bars[2].attrib["width"]) / float(bars[0].attrib["width"]) == pytest.approx(35 / 20, rel=0.01)


def test_the_picture_is_the_same_for_the_same_results_and_says_names_as_they_are() -> None:
    one = svg([Panel("a < b", [Bar("x & y", Spread.of([0.0]))])])
    assert one == svg([Panel("a < b", [Bar("x & y", Spread.of([0.0]))])])
    assert [text.text for text in ET.fromstring(one) if text.text] == ["a < b", "x & y", "0.00"]  # noqa: S314 - our own
    assert not re.search(r"nan|inf", one)
    assert ET.fromstring(svg([])).attrib["height"] == "16"  # noqa: S314 - our own


# -- Files ------------------------------------------------------------------------------------------------------------


def test_a_part_takes_the_place_of_the_one_that_was_there_and_leaves_the_others(tmp_path: Path) -> None:
    file = tmp_path / "new" / "latest.json"
    merge(file, "streams", {"rounds": {}})
    merge(file, "most", {"found": [1]})
    merge(file, "most", {"found": [2]})
    kept = read(file)
    assert kept["streams"]["rounds"] == {}
    assert kept["most"]["found"] == [2]
    assert all({"taken_at", "machine"} <= part.keys() for part in kept.values())


@pytest.mark.parametrize("content", ["", "[]", "{", '{"streams":1}'])
def test_a_file_that_holds_something_else_is_left_alone(content: str, tmp_path: Path) -> None:
    file = tmp_path / "latest.json"
    file.write_text(content)
    with pytest.raises(BenchmarkError, match="does not hold results of the benchmark"):
        merge(file, "most", {})
    assert file.read_text() == content


def test_the_page_keeps_everything_but_its_figures() -> None:
    page = (Path(__file__).parents[2] / "docs" / "performance.md").read_text()
    once = renewed(page, "| figures |")
    assert once.count("| figures |") == 1
    assert renewed(once, "| figures |") == once
    assert once.partition("<!--")[0] == page.partition("<!--")[0]
    with pytest.raises(BenchmarkError, match="The page has no lines"):
        renewed("a page", "figures")
