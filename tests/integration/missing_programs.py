"""Tests of programs that a machine may not have are left out there, aloud."""

import pytest

from tests.integration.run_notes import note


def leave_out(config: pytest.Config, items: list[pytest.Item], *, marker: str) -> None:
    """Takes the tests with this marker out of `items`, and has the run say at its end how many there were."""
    without = [item for item in items if item.get_closest_marker(marker)]
    config.hook.pytest_deselected(items=without)
    items[:] = [item for item in items if item not in without]
    if without:
        note(config, f"{marker} is not installed: {len(without)} tests that need it were left out.")
