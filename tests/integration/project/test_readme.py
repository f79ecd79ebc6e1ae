"""The program in the README does what the README says."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.integration.entrypoints.chatcore_dev.local_program import KEY, local_service

_README = Path(__file__).parents[3] / "README.md"


def run(program: str, database_url: str, inference_url: str) -> subprocess.CompletedProcess[str]:
    services = {"DATABASE_URL": database_url, "INFERENCE_SERVICE_URL": inference_url, "INTERNAL_API_KEY": KEY}
    return subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **services},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def programs() -> list[str]:
    """Returns the program of the README and its observer."""
    found: list[str] = re.findall(r"^```python\n(.*?)^```", _README.read_text(), re.DOTALL | re.MULTILINE)
    return found


def test_the_program_in_the_readme_runs_as_printed(blank_database_url: str) -> None:
    program, _ = programs()

    with local_service("inference", "--tokens-per-second", "100") as inference_url:
        ended = run(program, blank_database_url, inference_url)

    assert (ended.returncode, ended.stderr) == (0, "")
    assert "today" in ended.stdout  # In one way or another, the model asks how one is.


def test_the_program_in_the_readme_says_why_a_reply_failed(blank_database_url: str) -> None:
    program, _ = programs()

    ended = run(program, blank_database_url, "http://127.0.0.1:1")

    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.splitlines()[-1] == "The inference service could not be reached."


def test_the_observer_in_the_readme_tells_what_happens_in_the_background(blank_database_url: str) -> None:
    program, observer = programs()
    observed = program.replace("clock=SystemClock())", "clock=SystemClock(), observer=Console())")

    ended = run(observer + observed, blank_database_url, "http://127.0.0.1:1")

    assert ended.stderr.strip().endswith(" failed")
