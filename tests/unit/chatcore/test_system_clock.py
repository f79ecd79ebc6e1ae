"""Runs the contract tests of the clock port on the system clock."""

import pytest

from chatcore.ports import Clock
from chatcore.system_clock import SystemClock
from chatcore.testing import ClockContract


class TestSystemClock(ClockContract):
    @pytest.fixture
    def clock(self) -> Clock:
        return SystemClock()
