"""The examples do what they say."""

import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[3] / "examples"


def test_another_service_answers_over_its_own_adapter(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(EXAMPLES / "support_desk.py"), run_name="__main__")

    assert capsys.readouterr().out.splitlines() == [
        "Where is my refund? → Refunds take three days.",
        "Is anybody there? → A person will write to you.",
    ]
