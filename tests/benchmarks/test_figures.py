"""Results become rows of a table, notes, a picture and a page."""

import re
import shutil
from copy import deepcopy
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from attrs import asdict
from benchmarks.benchmark_error import BenchmarkError
from benchmarks.figures import Row, Spread, notes, rows, shown, table
from benchmarks.page import publish, with_figures
from benchmarks.picture import Bar, panels, svg
from benchmarks.results import read
from benchmarks.subjects import CHATCORE, DIRECT, NGINX, STORED_RELAY

from tests.benchmarks.measurements import measured

TIMES = "\N{MULTIPLICATION SIGN}"
DOCS = Path(__file__).parents[2] / "docs"
SVG = "{http://www.w3.org/2000/svg}"


def document() -> dict[str, Any]:
    """Two rounds in which the service took 1.5 and 2 times what the limit did."""
    turns = [
        [asdict(measured(DIRECT, cpu=0.0)), asdict(measured(NGINX, cpu=0.04)), asdict(measured(cpu=cpu))]
        for cpu in (0.06, 0.08)
    ]
    most = {"why_not_more": "", "is_limit_of_tools": False, "broken": ""}
    found = [{**most, "subject": NGINX, "streams": 2000, "is_limit_of_tools": True}]
    found.append({**most, "subject": CHATCORE, "streams": 1500})
    where = {"machine": "2 cores", "taken_at": "2026-01-01T00:00+00:00"}
    return {"streams": {**where, "rounds": {"100": turns}}, "most": {**where, "found": found}}


def of_every_part() -> dict[str, Any]:
    firsts = {DIRECT: 0.2, STORED_RELAY: 2.2, CHATCORE: 3.4, "chatcore in before": 3.4}
    first = [{"subject": who, "first_token_p50_ms": ms, "taken_share": 0.1} for who, ms in firsts.items()]
    cost = {"cpu_micros": 300.0, "beside_cpu_micros": 200.0, "ratio": 1.5, "ratio_min": 1.4, "ratio_max": 1.6}
    growth = [
        {"kind": "list", "conversations": size, "request_ms": ms, "database_cpu_micros": 100 * ms}
        for size, ms in ((10, 0.5), (1_000, 1.0), (1_000_000, 1.1))
    ]
    return {
        "first": {"rounds": {"100": [first]}},
        "stalled": {"rounds": [{"beside_p99_ms": 3.0, "alone_p99_ms": 2.0, "memory_kb": 250.0}]},
        "requests": {"costs": [{"kind": "list", "connections": 16, "beside": "a bare route", **cost}]},
        "growth": {"costs": growth},
        "rest": {"rounds": [{"startup_seconds": 0.9, "idle_cpu_share": 0.002, "memory_kb": 65_536.0}]},
    }


def test_a_spread_shows_its_median_the_least_and_the_most() -> None:
    assert str(Spread.of([3.0, 1.0, 2.0])) == "2.00 (1.00\N{EN DASH}3.00)"
    assert str(Spread.of([1700])) == "1,700"
    assert [shown(value) for value in (0.0, 0.04, 1.26, 99.96, 1234.5)] == ["0.00", "0.04", "1.26", "100.0", "1,234"]


def test_figures_are_in_relation_to_the_limit_of_the_same_round() -> None:
    by_name = {row.what: row for row in rows(document())}
    cpu = by_name["100 streams: CPU, µs a token"]
    assert (cpu.ours, cpu.limit) == ("35.0 (30.0\N{EN DASH}40.0)", "20.0")
    assert cpu.ratio == f"1.75 (1.50\N{EN DASH}2.00) {TIMES}"
    most = by_name["most streams held by one process, p99 < 100 ms"]
    assert (most.ours, most.limit, most.ratio) == ("1,500", "≥ 2,000", "")
    assert notes(document()) == [
        "Measured on 2 cores.",
        "Other programs and the hypervisor took 5.00 % of one core while streams were measured.",
    ]


def test_the_service_of_another_checkout_has_rows_of_its_own() -> None:
    results = document()
    for turn in results["streams"]["rounds"]["100"]:
        turn.append({**turn[2], "subject": "chatcore in before", "cpu_micros": turn[2]["cpu_micros"] * 2})
    by_name = {row.what: row for row in rows(results)}
    assert by_name["100 streams: CPU, µs a token, beside chatcore in before"].ratio == f"0.50 {TIMES}"


def test_every_part_has_its_figures() -> None:
    by_name = {row.what: row for row in rows(of_every_part())}
    first = by_name["100 streams: first token, p50, ms over the source directly, beside the least that stores a turn"]
    assert (first.ours, first.limit, first.ratio) == ("3.20", "2.00", f"1.60 {TIMES}")
    beside = by_name["100 streams: first token, p50, ms over the source directly, beside chatcore in before"]
    assert beside.ratio == f"1.00 {TIMES}"
    assert by_name["100 readers who read nothing: memory, kB each"].target == "≤ 256"
    request = by_name["list, 16 at once: CPU, µs a request, beside a bare route"]
    assert (request.ours, request.limit) == ("300", "200")
    grown = by_name["list, ms, of 10 / 1,000 / 1,000,000 conversations"]
    assert (grown.ours, grown.ratio) == ("0.50 / 1.00 / 1.10", f"1.10 {TIMES} that of 1,000")
    assert by_name["idle: memory, MB"].ours == "64.0"
    assert rows({}) == []


def test_a_limit_without_cpu_time_has_no_relation() -> None:
    broken = document()
    for turn in broken["streams"]["rounds"]["100"]:
        for trial in turn:
            trial["cpu_micros"] = 0.0
    ET.fromstring(svg(panels(broken)))  # noqa: S314 - our own
    assert {row.what: row for row in rows(broken)}["100 streams: CPU, µs a token"].ratio == ""


def test_a_table_has_a_line_for_each_row() -> None:
    assert table([Row("memory", "45", "14", "3.2", "≤ 45"), Row("a long name", "1")]).splitlines()[1:] == [
        "| ---         | --: | --: | --: | --: |",
        "| memory      | 45 | 14 | 3.2 | ≤ 45 |",
        "| a long name | 1 |  |  |  |",
    ]


def test_the_picture_has_a_bar_for_each_subject_within_its_bounds() -> None:
    picture = ET.fromstring(svg(panels(document())))  # noqa: S314 - our own
    width, height = float(picture.attrib["width"]), float(picture.attrib["height"])
    background, *bars = picture.findall(f"{SVG}rect")
    assert background.attrib["width"] == picture.attrib["width"]
    assert len(bars) == 4
    for bar in bars:
        assert float(bar.attrib["x"]) + float(bar.attrib["width"]) < width
        assert float(bar.attrib["y"]) + float(bar.attrib["height"]) < height
    assert {CHATCORE, NGINX, "2,000 or more: the tools were the limit"} <= {
        text.text for text in picture.findall(f"{SVG}text")
    }
    # The bars of one panel have one scale: 20 and 35 µs.
    assert float(bars[1].attrib["width"]) / float(bars[0].attrib["width"]) == pytest.approx(35 / 20, rel=0.01)


def test_the_picture_escapes_names_and_has_no_infinite_number() -> None:
    one = svg([("a < b", [Bar("x & y", Spread.of([0.0]))])])
    assert [text.text for text in ET.fromstring(one) if text.text] == ["a < b", "x & y", "0.00"]  # noqa: S314 - our own
    assert not re.search(r"nan|inf", one)
    assert ET.fromstring(svg([])).attrib["height"] == "16"  # noqa: S314 - our own


def test_the_page_keeps_everything_but_its_figures() -> None:
    page = (DOCS / "performance.md").read_text()
    once = with_figures(page, "| figures |")
    assert once.count("| figures |") == 1
    assert with_figures(once, "| figures |") == once
    assert once.partition("<!--")[0] == page.partition("<!--")[0]
    with pytest.raises(BenchmarkError, match="The page has no lines"):
        with_figures("a page", "figures")


def test_a_measurement_that_is_not_valid_is_not_published(tmp_path: Path) -> None:
    shutil.copy(DOCS / "performance.md", tmp_path)
    results = document()
    spoiled = deepcopy(results["streams"]["rounds"]["100"][0])
    spoiled[2]["spoiled"] = "the load client was the bottleneck"
    results["streams"]["rounds"]["1700"] = [spoiled]
    publish(results, tmp_path)
    page = (tmp_path / "performance.md").read_text()
    assert "| 100 streams: CPU" in page
    assert "| 1,700 streams" not in page
    assert "1,700 streams" not in (tmp_path / "performance.svg").read_text()
    assert list(read(tmp_path / "performance.json")["streams"]["rounds"]) == ["100"]


def test_the_published_page_is_made_from_the_published_data(tmp_path: Path) -> None:
    shutil.copy(DOCS / "performance.md", tmp_path)
    publish(read(DOCS / "performance.json"), tmp_path)
    for name in ("performance.md", "performance.svg", "performance.json"):
        assert (tmp_path / name).read_text() == (DOCS / name).read_text()
