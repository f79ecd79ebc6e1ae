"""What all tests share."""

import pytest
from hypothesis import settings

# Without it a failed contract test shows a bare AssertionError: pytest rewrites the asserts of test files only.
pytest.register_assert_rewrite("chatcore.testing")

# Enough to find what a change breaks. Deadlines would measure the machine, not the code.
settings.register_profile("chatcore", max_examples=40, deadline=None)
settings.load_profile("chatcore")
