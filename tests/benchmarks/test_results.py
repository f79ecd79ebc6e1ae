"""Results are kept part by part, and those that are not valid can be left out."""

from pathlib import Path

import pytest
from benchmarks.benchmark_error import BenchmarkError
from benchmarks.results import merge, problems, read, valid

GOOD, WRONG = {"subject": "x", "broken": "", "spoiled": ""}, {"subject": "y", "broken": "a wrong token", "spoiled": ""}


def test_a_part_takes_the_place_of_the_earlier_one_and_leaves_the_others(tmp_path: Path) -> None:
    file = tmp_path / "latest.json"
    merge(file, "streams", {"rounds": {}})
    merge(file, "most", {"found": [1]})
    merge(file, "most", {"found": [2]})
    kept = read(file)
    assert kept["streams"]["rounds"] == {}
    assert kept["most"]["found"] == [2]
    assert all({"taken_at", "machine"} <= part.keys() for part in kept.values())


@pytest.mark.parametrize("content", ["", "[]", "{", '{"streams":1}'])
def test_a_file_of_something_else_is_left_alone(content: str, tmp_path: Path) -> None:
    file = tmp_path / "latest.json"
    file.write_text(content)
    with pytest.raises(BenchmarkError, match="does not hold results of the benchmark"):
        merge(file, "most", {})
    assert file.read_text() == content


def test_a_round_with_a_wrong_token_is_left_out_and_told() -> None:
    document = {"streams": {"limit": "x", "rounds": {"100": [[GOOD, GOOD], [GOOD, WRONG]], "1700": [[GOOD, WRONG]]}}}
    assert valid(document) == {"streams": {"limit": "x", "rounds": {"100": [[GOOD, GOOD]]}}}
    assert problems(document) == ["y: a wrong token", "y: a wrong token"]


def test_a_part_without_a_valid_measurement_is_left_out() -> None:
    assert valid({"requests": {"costs": [WRONG]}, "rest": {"rounds": [{"memory_kb": 1.0}]}}) == {
        "rest": {"rounds": [{"memory_kb": 1.0}]}
    }


def test_a_measurement_beside_its_fault_is_left_out_too() -> None:
    assert valid({"most": {"found": {"broken": "a wrong token", "streams": 5}}}) == {}
