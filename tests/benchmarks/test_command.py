"""The benchmark's command measures, shows results, and says in one sentence what keeps it from running."""

from pathlib import Path

import orjson
import pytest
from benchmarks.__main__ import main
from benchmarks.subjects import CHATCORE, NGINX

FOUND = {"why_not_more": "", "is_limit_of_tools": False, "broken": ""}
RESULTS = {
    "most": {
        "machine": "2 cores",
        "found": [{**FOUND, "subject": NGINX, "streams": 2000}, {**FOUND, "subject": CHATCORE, "streams": 1500}],
    }
}


def test_the_smallest_round_measures_every_kind_of_request(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "mine.json"
    main(["--only", "requests", "--rounds", "1", "--seconds", "0.1", "--output", str(output)])
    costs = orjson.loads(output.read_bytes())["requests"]["costs"]
    assert len(costs) == 6
    # On a busy machine the figures are not valid, but the answers have to be right.
    assert [cost["broken"] for cost in costs] == [""] * 6
    assert all(cost["spoiled"] or cost["cpu_micros"] > 0 for cost in costs)
    assert "Measuring: requests" in capsys.readouterr().out


def test_results_are_shown_without_measuring_anything(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "mine.json"
    output.write_bytes(orjson.dumps(RESULTS))
    assert main(["--only", "--output", str(output)]) == 0
    assert "| most streams held by one process, p99 < 100 ms | 1,500 | 2,000 |" in capsys.readouterr().out
    assert "2,000" in output.with_suffix(".svg").read_text()


def test_no_results_are_no_figures(tmp_path: Path) -> None:
    assert main(["--only", "--output", str(tmp_path / "none.json")]) == 0


def test_a_file_of_something_else_is_refused_before_measuring(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "mine.json"
    output.write_text("mine")
    assert main(["--only", "streams", "--output", str(output)]) == 1
    assert "does not hold results of the benchmark" in refusal(capsys)


def test_a_place_that_takes_no_results_is_refused_before_measuring(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert main(["--only", "growth", "--output", str(tmp_path / "file" / "latest.json")]) == 1
    assert refusal(capsys).startswith("A part failed, and has no results: ")


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--rounds 0", "--rounds, --streams and --seconds have to be positive"),
        ("--streams 100 x", "argument --streams: invalid int value: 'x'"),
        ("--seconds nan", "--rounds, --streams and --seconds have to be positive"),
        ("--only nonsense", "argument --only: invalid choice: 'nonsense'"),
        ("--publish --beside .", "--publish and --beside exclude each other"),
    ],
)
def test_impossible_options_are_refused(option: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(option.split())
    assert said in capsys.readouterr().err.splitlines()[-1]


def test_a_checkout_without_the_service_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--only", "requests", "--seconds", "0.1", "--beside", str(tmp_path)]
    assert main([*options, "--output", str(tmp_path / "none.json")]) == 1
    assert f"{tmp_path}/.venv/bin/chatcore" in only_line(capsys)


def refusal(capsys: pytest.CaptureFixture[str]) -> str:
    """Returns the only line of a command that measured nothing."""
    output, errors = capsys.readouterr()
    assert "Measuring" not in output
    (line,) = errors.splitlines()
    return line


def only_line(capsys: pytest.CaptureFixture[str]) -> str:
    (line,) = capsys.readouterr().err.splitlines()
    return line
