"""Tests of programs that a machine may not have are left out there, aloud."""

import pytest

_LEFT_OUT = pytest.StashKey[dict[str, int]]()


def leave_out(config: pytest.Config, items: list[pytest.Item], *, marker: str) -> None:
    """Takes the tests with this marker out of `items`; :func:`say_what_was_left_out` tells how many."""
    without = [item for item in items if item.get_closest_marker(marker)]
    config.stash.setdefault(_LEFT_OUT, {})[marker] = len(without)
    config.hook.pytest_deselected(items=without)
    items[:] = [item for item in items if item not in without]


def say_what_was_left_out(reporter: pytest.TerminalReporter, config: pytest.Config, *, marker: str) -> None:
    """Prints how many tests were left out, at the end of the run."""
    left_out = config.stash.get(_LEFT_OUT, {}).get(marker, 0)
    if left_out:
        reporter.write_line(f"{marker} is not installed: {left_out} tests that need it were left out.")
