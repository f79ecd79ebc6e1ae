"""The benchmark's command says in a sentence what keeps it from running, and shows results that are there."""

from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from benchmarks import parts
from benchmarks.__main__ import main
from benchmarks.subjects import BYTES_RELAY, NGINX, limit, subjects

FOUND = {"cpu_micros": 20.0, "latency_p99_ms": 9.0, "why_not_more": "", "is_limit_of_tools": False}
RESULTS = {
    "most": {
        "machine": "2 cores",
        "limit": NGINX,
        "found": [{**FOUND, "subject": NGINX, "streams": 2000}],
    }
}


def test_results_that_are_there_are_shown_without_measuring_anything(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "mine.json"
    output.write_bytes(orjson.dumps(RESULTS))
    assert main(["--only", "--output", str(output)]) == 0
    assert "The limit is nginx, unbuffered." in capsys.readouterr().out
    assert "2,000" in output.with_suffix(".svg").read_text()


def test_no_results_are_no_figures(tmp_path: Path) -> None:
    assert main(["--only", "--output", str(tmp_path / "none.json")]) == 0


@pytest.mark.parametrize("part", ["streams", "most", "path"])
def test_a_file_of_somebody_else_is_told_before_anything_is_measured(
    part: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "mine.json"
    output.write_text("mine")
    assert main(["--only", part, "--output", str(output)]) == 1
    said = capsys.readouterr().err
    assert "does not hold results of the benchmark" in said
    assert len(said.splitlines()) == 1


def test_more_streams_than_files_may_be_open_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--only", "streams", "--streams", "1000000000", "--output", str(tmp_path / "none.json")]) == 1
    said = capsys.readouterr().err
    assert "1000000000 streams need 2000000100 open files in one process" in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize(
    ("part", "streams"), [("growth", 1700), ("readers", 1000), ("stalled", 200), ("first", 100), ("most", 100)]
)
def test_every_part_says_what_files_it_needs_before_it_begins(
    part: str, streams: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("benchmarks.__main__.most_files", lambda: 2 * streams + 99)
    assert main(["--only", part, "--output", str(tmp_path / "none.json")]) == 1
    said = capsys.readouterr().err
    assert f"{streams} streams need {2 * streams + 100} open files in one process" in said
    assert len(said.splitlines()) == 1


def test_what_opens_no_streams_needs_no_files_for_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.__main__.most_files", lambda: 256)
    assert main(["--only", "--output", str(tmp_path / "none.json")]) == 0


def test_a_place_that_takes_no_results_is_told_before_anything_is_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert main(["--only", "growth", "--output", str(tmp_path / "file" / "latest.json")]) == 1
    said = capsys.readouterr().err
    assert said.startswith("Results cannot be kept in ")
    assert len(said.splitlines()) == 1


def test_without_nginx_the_limit_is_a_relay_that_only_passes_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert limit().name == BYTES_RELAY
    assert NGINX not in {subject.name for subject in subjects("postgresql://nowhere")}
    assert main(["--only", "--output", str(tmp_path / "none.json")]) == 0
    assert "nginx is not installed: figures are in relation to a relay in Python" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--rounds 0", "argument --rounds: '0' is not a whole number of at least 1"),
        ("--rounds x", "argument --rounds: 'x' is not a whole number of at least 1"),
        ("--streams 0", "argument --streams: '0' is not a whole number of at least 1"),
        ("--streams 100 -1", "argument --streams: '-1' is not a whole number of at least 1"),
        ("--seconds 0", "argument --seconds: '0' is not a number of seconds of at least 0.5"),
        ("--seconds nan", "argument --seconds: 'nan' is not a number of seconds of at least 0.5"),
        ("--seconds inf", "argument --seconds: 'inf' is not a number of seconds of at least 0.5"),
        ("--seconds x", "argument --seconds: 'x' is not a number of seconds of at least 0.5"),
        ("--only nonsense", "argument --only: invalid choice: 'nonsense'"),
    ],
)
def test_what_cannot_be_measured_is_told_before_anything_is(
    option: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "none.json"
    with pytest.raises(SystemExit, match="2"):
        main(["--output", str(output), *option.split()])
    assert said in capsys.readouterr().err.splitlines()[-1]
    assert not output.exists()


@pytest.mark.parametrize("part", parts.PARTS, ids=lambda part: part.__name__)
def test_each_part_of_a_tokens_way_can_be_gone(part: Callable[[], None]) -> None:
    part()
