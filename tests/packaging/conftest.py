"""Fixtures: the built wheel, and clean environments in which it is installed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Builds the wheel from the source distribution, so that the tests also cover the latter."""
    folder = tmp_path_factory.mktemp("dist")
    _run(sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(REPOSITORY))
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture
def install(wheel: Path, tmp_path: Path) -> Callable[[str], Path]:
    """Returns a function that installs the wheel with extras in a new environment, and returns its program folder."""

    def install_with(extras: str = "") -> Path:
        environment = tmp_path / "environment"
        _run(sys.executable, "-m", "venv", "--without-pip", str(environment))
        programs = environment / "bin"
        pip = [sys.executable, "-m", "pip", "--python", str(programs / "python"), "--disable-pip-version-check"]
        constraints = str(REPOSITORY / "constraints.txt")
        _run(*pip, "install", "--quiet", "--constraint", constraints, f"{wheel}{extras}")
        return programs

    return install_with


def _run(*command: str) -> None:
    """Runs a command of the set-up; its output is shown only if the command fails."""
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, f"{' '.join(command)}\n{result.stdout}\n{result.stderr}"
