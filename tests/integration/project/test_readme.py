"""The program in the README does what the README says."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.integration.language_model import LanguageModel, needs_language_model

_README = Path(__file__).parents[3] / "README.md"


def run(program: str, database_url: str, inference_url: str, key: str = "key") -> subprocess.CompletedProcess[str]:
    services = {"DATABASE_URL": database_url, "INFERENCE_SERVICE_URL": inference_url, "INFERENCE_API_KEY": key}
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


@needs_language_model
def test_the_program_in_the_readme_runs_as_printed(blank_database_url: str, language_model: LanguageModel) -> None:
    program, _ = programs()

    ended = run(program, blank_database_url, language_model.api, language_model.key)

    assert (ended.returncode, ended.stderr) == (0, "")
    # The end of a reply that failed would be a sentence of ours.
    assert ended.stdout.strip()
    assert "inference service" not in ended.stdout


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
