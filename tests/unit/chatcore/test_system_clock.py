"""The clock of the machine keeps the clock's promises."""

import pytest

from chatcore.ports import Clock
from chatcore.system_clock import SystemClock
from chatcore.testing import ClockContract


class TestSystemClock(ClockContract):
    @pytest.fixture
    def clock(self) -> Clock:
        return SystemClock()
