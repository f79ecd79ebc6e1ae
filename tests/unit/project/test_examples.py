"""The examples do what they say."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[3] / "examples"


def test_another_service_answers_over_its_own_adapter(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(EXAMPLES / "support_desk.py"), run_name="__main__")

    assert capsys.readouterr().out.splitlines() == [
        "Where is my refund? → Refunds take three days.",
        "Is anybody there? → A person will write to you.",
    ]


def test_the_contract_holds_for_the_adapter_of_the_example() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", str(EXAMPLES), "--quiet", "-p", "no:cacheprovider", "-p", "no:xdist"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ended.returncode == 0, ended.stdout
    assert " passed" in ended.stdout
