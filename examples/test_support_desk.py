"""Runs the contract of the inference port over the support desk's adapter: ``pytest examples``."""

import pytest
from examples.support_desk import ANSWERS, AnswerTable

from chatcore.testing import InProcessInferenceContract


class TestAnswerTable(InProcessInferenceContract):
    """Tests the adapter as the contract says; the fixture is all that it needs."""

    @pytest.fixture
    def inference(self) -> AnswerTable:
        """Returns the adapter."""
        return AnswerTable(ANSWERS)
