"""The program in the README does what the README says."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.integration.entrypoints.chatcore_dev.local_program import KEY, local_service

_README = Path(__file__).parents[3] / "README.md"


def test_the_program_in_the_readme_runs_as_printed(blank_database_url: str) -> None:
    (program,) = re.findall(r"^```python\n(.*?)^```", _README.read_text(), re.DOTALL | re.MULTILINE)

    with local_service("inference", "--tokens-per-second", "100") as inference_url:
        services = {
            "DATABASE_URL": blank_database_url,
            "INFERENCE_SERVICE_URL": inference_url,
            "INTERNAL_API_KEY": KEY,
        }
        ended = subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, **services},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert (ended.returncode, ended.stderr) == (0, "")
    assert "today" in ended.stdout  # In one way or another, the model asks how one is.
