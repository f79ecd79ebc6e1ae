"""The environment: all problems are told at once, and what is empty has its default."""

from __future__ import annotations

import pytest

from chatcore_service.environment import InvalidSettingsError
from chatcore_service.settings import Settings

KEY = {"INTERNAL_API_KEY": "secret-key"}


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(InvalidSettingsError) as caught:
        Settings.from_environment({"LOG_LEVEL": "x", "MAX_TOKEN_BUDGET": "x"})

    assert set(caught.value.problems) == {"INTERNAL_API_KEY", "LOG_LEVEL", "MAX_TOKEN_BUDGET"}


def test_a_variable_that_is_empty_has_its_default() -> None:
    assert Settings.from_environment({**KEY, "LOG_LEVEL": "", "MAX_TOKEN_BUDGET": " "}).log_level == "INFO"
